namespace LocalBloom.AI.Tests.Text;

/// <summary>Finds the reference data, which lies in the repository and is not copied beside the tests.</summary>
internal static class GoldenFolder
{
    public static string Path { get; } = Find();

    public static string Tokenizer { get; } = System.IO.Path.Combine(Path, "models", "safetensors-f32", "tokenizer.json");

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string golden = System.IO.Path.Combine(folder.FullName, "tests", "golden");
            if (Directory.Exists(golden))
            {
                return golden;
            }
        }

        throw new DirectoryNotFoundException($"No folder tests/golden above {AppContext.BaseDirectory}.");
    }
}
