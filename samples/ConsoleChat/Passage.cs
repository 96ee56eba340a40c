using System.Text;

namespace LocalBloom.AI.Samples;

/// <summary>A text that questions are about.</summary>
/// <param name="Name">The file's name, for people.</param>
/// <param name="Text">The text, trimmed; not empty.</param>
internal sealed record Passage(string Name, string Text)
{
    // Far more than any context: whoever gives a larger file has mistaken the file.
    private const int MaxBytes = 4 << 20;

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

        try
        {
            string text = Encoding.UTF8.GetString(ReadBytes(path)).TrimStart('\uFEFF').ReplaceLineEndings("\n").Trim();
            return text.Contains('\0', StringComparison.Ordinal) ? throw new UsageException($"{path} is no text file.") :
                text.Length == 0 ? throw new UsageException($"{path} is empty.") :
                new Passage(Path.GetFileName(path), text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            string reason = e is FileNotFoundException or DirectoryNotFoundException ? "there is no such file" : Failure.Describe(e);
            throw new UsageException($"The passage {path} cannot be read: {reason}");
        }
    }

    private static byte[] ReadBytes(string path)
    {
        using FileStream file = File.OpenRead(path);
        byte[] bytes = new byte[MaxBytes + 1];
        int read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return read <= MaxBytes ? bytes[..read] : throw new UsageException($"{path} has more than {MaxBytes >> 20} MiB: no passage is that long.");
    }

    private static string Unquote(string name) =>
        name is ['"', .., '"'] or ['\'', .., '\''] ? name[1..^1] : name;
}
