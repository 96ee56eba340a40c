namespace LocalBloom.AI.Packages.Tests;

/// <summary>What is in the packages, and what they say of themselves.</summary>
public class PackageTests(PackedRepository packed)
{
    private const string Core = "LocalBloom.AI";
    private const string Demo = "LocalBloom.AI.DemoModel";
    private const string Kernel = "LocalBloom.AI.SemanticKernel";

    private static readonly string[] s_coreDependencies =
    [
        "Microsoft.Extensions.AI",
        "Microsoft.Extensions.AI.Abstractions",
        "Microsoft.Extensions.DependencyInjection",
        "Microsoft.Extensions.Diagnostics.HealthChecks",
        "Microsoft.Extensions.Hosting.Abstractions",
        "Microsoft.Extensions.Logging.Abstractions",
        "Microsoft.Extensions.Options",
        "Microsoft.Extensions.Options.ConfigurationExtensions",
        "Microsoft.Extensions.Options.DataAnnotations",
        "Microsoft.ML.Tokenizers",
        "TorchSharp",
        "Google.Protobuf", "SharpZipLib", "SkiaSharp", // TorchSharp's and ML.Tokenizers' own, pinned
    ];

    public static TheoryData<string> Projects => [.. PackedRepository.Projects().Select(project => Path.GetFileNameWithoutExtension(project))];

    [Theory]
    [InlineData(Core)]
    [InlineData(Kernel)]
    public async Task Library_IsNothingButItself(string project)
    {
        await packed.EnsurePackedAsync();

        Assert.Equal(
            [$"{project}.nuspec", "README.md", $"lib/net10.0/{project}.dll", $"lib/net10.0/{project}.xml"],
            packed.Open(project).Files);
        Assert.Equal([$"{project}.nuspec", $"lib/net10.0/{project}.pdb"], packed.Open(project, "snupkg").Files);
    }

    [Fact]
    public async Task DemoModel_IsNothingButItsFiles()
    {
        await packed.EnsurePackedAsync();

        Assert.Equal(
            [
                $"{Demo}.nuspec",
                "README.md",
                $"build/{Demo}.targets",
                $"buildTransitive/{Demo}.targets",
                "model/README.md",
                "model/config.json",
                "model/generation_config.json",
                "model/model.safetensors",
                "model/prompt_template.json",
                "model/tokenizer.json",
                "model/tokenizer_config.json",
            ],
            packed.Open(Demo).Files.Order(StringComparer.Ordinal).OrderBy(file => file.Contains('/', StringComparison.Ordinal)));
        Assert.False(File.Exists(Path.Combine(packed.Folder, $"{Demo}.{Repository.Version}.snupkg")));
    }

    [Fact]
    public async Task Dependencies_AreThoseIntended()
    {
        await packed.EnsurePackedAsync();

        Assert.Equal(s_coreDependencies.Order(), packed.Open(Core).Dependencies.Order());
        Assert.Empty(packed.Open(Demo).Dependencies);
        Assert.Equal([Core, "Microsoft.SemanticKernel.Abstractions"], packed.Open(Kernel).Dependencies.Order());
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public async Task Manifest_IsComplete(string project)
    {
        await packed.EnsurePackedAsync();

        Package package = packed.Open(project);

        Assert.Equal(project, package.Id);
        Assert.Equal("MIT", package.Value("license"));
        Assert.NotEmpty(package.Value("description")!);
        Assert.NotEmpty(package.Value("tags")!);
        Assert.Equal("git", package.Attribute("repository", "type"));
        Assert.Matches("^[0-9a-f]{40}$", package.Attribute("repository", "commit"));
        Assert.Equal("README.md", package.Value("readme"));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public async Task Readme_IsThePackagesOwn_WithoutLinksIntoTheRepository(string project)
    {
        await packed.EnsurePackedAsync();

        Package package = packed.Open(project);

        Assert.StartsWith($"# {project}\n", package.ReadText("README.md"), StringComparison.Ordinal);
        Assert.All(
            package.Files.Where(file => file.EndsWith(".md", StringComparison.Ordinal)),
            file => Assert.DoesNotMatch(@"\]\((?!https://)", package.ReadText(file)));
    }
}
