using System.Text.Json;

namespace LocalBloom.AI.Packages.Tests;

/// <summary>What somebody gets who adds the packages to an empty project, and takes the program of the library's readme.</summary>
public class ApplicationTests(PackedRepository packed)
{
    private static readonly (string Id, string Version)? s_torch = FindTorch();

    [Fact]
    public async Task WithNativeTorch_Answers_AndTakesTheModelFromItsPackage()
    {
        Assert.SkipWhen(s_torch is null, "TorchSharp-cpu was not restored here, and tests fetch nothing");
        Application application = await Application.CreateAsync(packed, "answers", s_torch.Value);

        await application.BuildAsync();
        Command run = await application.RunAsync();

        Assert.Equal(new Command(0, "its smoked fish", ""), run);
        Assert.Equal(
            packed.Open("LocalBloom.AI.DemoModel").Files.Where(file => file.StartsWith("model/", StringComparison.Ordinal)).Select(file => file["model/".Length..]).Order(),
            Directory.EnumerateFiles(Path.Combine(application.Output, "localbloom-demo-model")).Select(file => Path.GetFileName(file)).Order());
        AssertUnpackedFromHere();
    }

    [Fact]
    public async Task WithoutNativeTorch_SaysInOneSentenceWhichPackageIsMissing()
    {
        Application application = await Application.CreateAsync(packed, "lacks");

        await application.BuildAsync();
        Command run = await application.RunAsync();

        Assert.Equal(1, run.ExitCode); // of its own accord, not by a signal
        Assert.Equal("", run.Output);
        string sentence = Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("The native part of torch is missing: add the package TorchSharp-cpu (or ", sentence, StringComparison.Ordinal);
        Assert.Equal(sentence.Length - 1, sentence.IndexOf('.', StringComparison.Ordinal));
    }

    // NuGet takes a version from whichever source answers first.
    private void AssertUnpackedFromHere()
    {
        string[] projects = [.. PackedRepository.Projects().Select(project => Path.GetFileNameWithoutExtension(project))];
        Assert.All(projects, project =>
        {
            string file = Path.Combine(
                packed.Temporary.FullName, "unpacked", project.ToLowerInvariant(), Repository.Version, ".nupkg.metadata");
            using JsonDocument metadata = JsonDocument.Parse(File.ReadAllBytes(file));
            Assert.Equal(packed.Folder, metadata.RootElement.GetProperty("source").GetString());
        });
    }

    private static (string Id, string Version)? FindTorch()
    {
        var folder = new DirectoryInfo(Path.Combine(Repository.PackageCache, "torchsharp-cpu"));
        return folder.Exists && folder.EnumerateDirectories().OrderBy(version => version.Name, StringComparer.Ordinal).LastOrDefault() is { } version
            ? ("TorchSharp-cpu", version.Name)
            : null;
    }
}
