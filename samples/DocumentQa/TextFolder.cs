using System.Text;

namespace LocalBloom.AI.Samples;

/// <summary>A text file that was read.</summary>
/// <param name="Name">Its path below the folder, with slashes.</param>
/// <param name="Text">What it says, with its line breaks as they are.</param>
internal sealed record TextDocument(string Name, string Text)
{
    /// <summary>Gets a value indicating whether its name says that it is Markdown.</summary>
    public bool IsMarkdown => Name.EndsWith(".md", StringComparison.OrdinalIgnoreCase);
}

/// <summary>A folder of text files, read into memory: <c>.txt</c> and <c>.md</c>, in the folders below too.</summary>
/// <param name="Documents">What was read, by name.</param>
/// <param name="Skipped">For each file or folder that was not: its name and why.</param>
internal sealed record TextFolder(IReadOnlyList<TextDocument> Documents, IReadOnlyList<string> Skipped)
{
    /// <summary>The largest file that is read, in bytes: more than any book has.</summary>
    public const int MaxBytes = 4 << 20;

    // By their byte order marks; the longer of two that begin alike comes first.
    private static readonly Encoding[] s_marked =
    [
        new UTF32Encoding(bigEndian: false, byteOrderMark: true, throwOnInvalidCharacters: true),
        new UTF32Encoding(bigEndian: true, byteOrderMark: true, throwOnInvalidCharacters: true),
        new UTF8Encoding(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true),
        new UnicodeEncoding(bigEndian: false, byteOrderMark: true, throwOnInvalidBytes: true),
        new UnicodeEncoding(bigEndian: true, byteOrderMark: true, throwOnInvalidBytes: true),
    ];

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a folder.</summary>
    /// <exception cref="UsageException">There is no such folder, it cannot be read, or there is no text in it; the message says which and why.</exception>
    public static TextFolder Read(string folder, CancellationToken cancellationToken = default)
    {
        if (!Directory.Exists(folder))
        {
            throw new UsageException(File.Exists(folder)
                ? $"{folder} is a file: name the folder that it lies in."
                : $"There is no folder {folder}.");
        }

        var documents = new List<TextDocument>();
        var skipped = new List<string>();
        Visit(new DirectoryInfo(folder), "", documents, skipped, cancellationToken);
        return documents.Count > 0
            ? new(documents, skipped)
            : throw new UsageException(
                $"There is no text in {folder}: {(skipped.Count == 0 ? "no file with the ending .txt or .md" : string.Join("; ", skipped))}.");
    }

    private static void Visit(DirectoryInfo folder, string prefix, List<TextDocument> documents, List<string> skipped, CancellationToken cancellationToken)
    {
        FileSystemInfo[] entries;
        try
        {
            entries = folder.GetFileSystemInfos();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            skipped.Add($"{(prefix.Length == 0 ? folder.FullName : prefix.TrimEnd('/'))}: {Failure.Describe(e)}");
            return;
        }

        foreach (FileSystemInfo entry in entries.OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            string name = prefix + entry.Name;
            if (entry is FileInfo file)
            {
                if (file.Extension.ToUpperInvariant() is ".TXT" or ".MD")
                {
                    Add(file, name, documents, skipped);
                }
            }
            else if (entry.LinkTarget is not null)
            {
                skipped.Add($"{name}: links to folders are not followed"); // they may lead round in a circle
            }
            else
            {
                Visit((DirectoryInfo)entry, $"{name}/", documents, skipped, cancellationToken);
            }
        }
    }

    private static void Add(FileInfo file, string name, List<TextDocument> documents, List<string> skipped)
    {
        try
        {
            // A pipe or a device has no length either: it is never opened, as reading it might never end.
            long length = (file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file).Length;
            if (length is 0 or > MaxBytes)
            {
                skipped.Add($"{name}: {(length == 0 ? "is empty" : $"has more than {MaxBytes >> 20} MiB")}");
                return;
            }

            byte[] bytes = File.ReadAllBytes(file.FullName);
            string? text = Decode(bytes);
            if (string.IsNullOrWhiteSpace(text) || text.Contains('\0', StringComparison.Ordinal))
            {
                skipped.Add($"{name}: {(text is null ? "is not UTF-8; save it in that encoding" : text.Contains('\0', StringComparison.Ordinal) ? "is no text" : "is empty")}");
                return;
            }

            documents.Add(new(name, text));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            skipped.Add($"{name}: {Failure.Describe(e)}");
        }
    }

    /// <summary>Decodes UTF-8, and UTF-16 and UTF-32 with a byte order mark; other encodings would be guessed at.</summary>
    /// <returns><see langword="null"/> where the bytes are not in the encoding.</returns>
    private static string? Decode(ReadOnlySpan<byte> bytes)
    {
        Encoding encoding = s_utf8;
        foreach (Encoding marked in s_marked)
        {
            if (bytes.StartsWith(marked.Preamble))
            {
                encoding = marked;
                bytes = bytes[marked.Preamble.Length..];
                break;
            }
        }

        try
        {
            return encoding.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
