namespace LocalBloom.AI.Tests;

/// <summary>Finds the golden data of the repository.</summary>
internal static class Golden
{
    /// <summary>Gets the folder of the golden models.</summary>
    public static string Models { get; } = Path.Combine(FindRoot(), "tests", "golden", "models");

    /// <summary>Gives a golden model's folder.</summary>
    public static string Model(string name) => Path.Combine(Models, name);

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !Directory.Exists(Path.Combine(folder, "tests", "golden")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new DirectoryNotFoundException($"No tests/golden above {AppContext.BaseDirectory}.");
    }
}
