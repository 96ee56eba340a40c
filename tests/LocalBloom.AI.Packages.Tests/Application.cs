namespace LocalBloom.AI.Packages.Tests;

/// <summary>A console project in an empty folder, which knows the packages and nothing of the repository.</summary>
internal sealed class Application
{
    private const string Kernel = """
        using LocalBloom.AI.SemanticKernel;
        using Microsoft.SemanticKernel;

        internal static class Services
        {
            public static IKernelBuilder Add(IKernelBuilder builder) => builder.AddBloomChatCompletion(options => options.Model = "");
        }
        """;

    private readonly string _folder;

    private Application(string folder) => _folder = folder;

    /// <summary>Gets the application's output folder.</summary>
    public string Output => Path.Combine(_folder, "bin", "Release", "net10.0");

    /// <summary>Writes a project whose program is that of the library's readme.</summary>
    /// <param name="packed">The packages; all of them are referenced.</param>
    /// <param name="name">The project's name.</param>
    /// <param name="others">Further packages, each with its version.</param>
    public static async Task<Application> CreateAsync(PackedRepository packed, string name, params (string Id, string Version)[] others)
    {
        await packed.EnsurePackedAsync();
        string root = packed.Temporary.FullName;
        ShareCache(root);
        string folder = packed.Temporary.CreateSubdirectory(name).FullName;
        IEnumerable<(string Id, string Version)> own =
            PackedRepository.Projects().Select(project => (Path.GetFileNameWithoutExtension(project), Repository.Version));
        Write(folder, $"{name}.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
              </PropertyGroup>
              <ItemGroup>
                {string.Join("\n    ", own.Concat(others).Select(package => $"<PackageReference Include=\"{package.Id}\" Version=\"{package.Version}\" />"))}
              </ItemGroup>
            </Project>
            """);
        Write(folder, "Program.cs", CodeOf(packed.Open("LocalBloom.AI").ReadText("README.md")));
        Write(folder, "Services.cs", Kernel);

        // Besides the sources that this machine has anyway. Packages that are unpacked for a test go with it.
        Write(folder, "NuGet.config", $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{Path.Combine(root, "unpacked")}" /></config>
              <packageSources><add key="packed" value="{packed.Folder}" /></packageSources>
              <fallbackPackageFolders><add key="cache" value="{Path.Combine(root, "cache")}" /></fallbackPackageFolders>
            </configuration>
            """);
        return new(folder);
    }

    /// <summary>Restores and builds; a warning is an error.</summary>
    public async Task BuildAsync()
    {
        Command build = await Command.DotnetAsync(
            _folder, "build", "-c", "Release", "--nologo", "-v", "quiet", "-warnaserror",
            "-p:NuGetAudit=false", "-p:CreateHardLinksForCopyLocalIfPossible=true"); // no news from a server; native torch is large
        build.AssertSucceeded("building the application");
    }

    public Task<Command> RunAsync() => Command.DotnetAsync(_folder, "exec", Path.Combine(Output, $"{Path.GetFileName(_folder)}.dll"));

    /// <summary>Makes a folder of what NuGet unpacked before, so that nothing is fetched again; without packages of ours, which may be of another day.</summary>
    private static void ShareCache(string root)
    {
        DirectoryInfo cache = Directory.CreateDirectory(Path.Combine(root, "cache"));
        foreach (string package in Directory.EnumerateDirectories(Repository.PackageCache))
        {
            string name = Path.GetFileName(package);
            string link = Path.Combine(cache.FullName, name);
            if (!name.StartsWith("localbloom.", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(link))
            {
                Directory.CreateSymbolicLink(link, package);
            }
        }
    }

    private static string CodeOf(string readme)
    {
        const string Begin = "```csharp\n";
        int begin = readme.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        return readme[begin..readme.IndexOf("```", begin, StringComparison.Ordinal)];
    }

    private static void Write(string folder, string file, string text) => File.WriteAllText(Path.Combine(folder, file), text);
}
