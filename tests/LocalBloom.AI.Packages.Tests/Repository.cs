using System.Reflection;

namespace LocalBloom.AI.Packages.Tests;

/// <summary>Where the projects to be packed are, and how they were built.</summary>
internal static class Repository
{
    /// <summary>Gets the repository's folder; <see langword="null"/> where it is not above the executable.</summary>
    public static string? Folder { get; } = Find();

    public static string Configuration { get; } = Metadata("Configuration");

    public static string Version { get; } = Metadata("Version");

    /// <summary>Gets NuGet's folder of packages that were restored before.</summary>
    public static string PackageCache { get; } = Metadata("PackageCache");

    private static string Metadata(string key) =>
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;

    private static string? Find()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "LocalBloom.AI.sln")))
            {
                return folder;
            }
        }

        return null;
    }
}
