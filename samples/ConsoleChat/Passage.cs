namespace LocalBloom.AI.Samples;

/// <summary>A text that questions are about.</summary>
/// <param name="Name">The file's name, for people.</param>
/// <param name="Text">The text, trimmed; not empty.</param>
internal sealed record Passage(string Name, string Text)
{
    /// <summary>Gets the path of the passage that comes with the program.</summary>
    public static string BuiltInFile { get; } = Path.Combine(AppContext.BaseDirectory, "passages", "holm.txt");

    /// <summary>Reads a text file. A leading <c>~</c> is the home folder; quotes around the name are left out.</summary>
    /// <exception cref="UsageException">The file cannot be read or is no text; the message is one line.</exception>
    public static Passage Read(string file)
    {
        string path = Unquote(file.Trim());
        if (path == "~" || path.StartsWith("~/", StringComparison.Ordinal))
        {
            path = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + path[1..];
        }

        return new Passage(Path.GetFileName(path), TextFile.Read(path).ReplaceLineEndings("\n").Trim());
    }

    private static string Unquote(string name) =>
        name is ['"', .., '"'] or ['\'', .., '\''] ? name[1..^1] : name;
}
