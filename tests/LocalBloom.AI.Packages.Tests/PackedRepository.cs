[assembly: AssemblyFixture(typeof(LocalBloom.AI.Packages.Tests.PackedRepository))]

namespace LocalBloom.AI.Packages.Tests;

/// <summary>Packs every project under <c>src</c> as it was built, once and only if a test wants it, into a folder of its own.</summary>
public sealed class PackedRepository : IDisposable
{
    private readonly Lazy<Task> _packing;

    public PackedRepository() => _packing = new(() => Task.WhenAll(Projects().Select(PackAsync)));

    /// <summary>Gets a folder that is deleted at the end; nothing of the repository is above it.</summary>
    public DirectoryInfo Temporary { get; } = Directory.CreateTempSubdirectory("localbloom-packages-");

    /// <summary>Gets the folder of the packages.</summary>
    public string Folder => Path.Combine(Temporary.FullName, "packed");

    /// <summary>Packs unless that was done; skips the test where there is nothing to pack.</summary>
    public Task EnsurePackedAsync()
    {
        Assert.SkipWhen(Repository.Folder is null, "the repository is not above the executable");
        return _packing.Value;
    }

    public void Dispose() => Temporary.Delete(recursive: true);

    internal static IEnumerable<string> Projects() =>
        Repository.Folder is { } folder ? Directory.EnumerateFiles(Path.Combine(folder, "src"), "*.csproj", SearchOption.AllDirectories) : [];

    internal Package Open(string project, string extension = "nupkg") =>
        new(Path.Combine(Folder, $"{project}.{Repository.Version}.{extension}"));

    private async Task PackAsync(string project)
    {
        Command pack = await Command.DotnetAsync(
            Path.GetDirectoryName(project)!, "pack", project, "--no-build", "-c", Repository.Configuration, "-o", Folder, "--nologo", "-warnaserror");
        pack.AssertSucceeded($"packing {Path.GetFileName(project)}");
    }
}
