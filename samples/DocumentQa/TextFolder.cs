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
    /// <summary>Reads a folder.</summary>
    /// <exception cref="UsageException">There is no such folder, it cannot be read, or there is no text in it; the message says which and why.</exception>
    public static TextFolder Read(string folder, CancellationToken cancellationToken = default)
    {
        if (!Directory.Exists(folder))
        {
            throw new UsageException(File.Exists(folder)
                ? $"{folder} is a file: name the folder that it lies in."
                : $"There is no folder {folder}: a folder comes first, and then the question.");
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
            skipped.Add($"{(prefix.Length == 0 ? folder.FullName : prefix.TrimEnd('/'))}: {Failure.Describe(e).TrimEnd('.')}");
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
            string problem = "is empty";
            if (length > 0 && TextFile.TryRead(file.FullName, out problem) is { } text)
            {
                documents.Add(new(name, text));
            }
            else
            {
                skipped.Add($"{name}: {problem}");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            skipped.Add($"{name}: {Failure.Describe(e).TrimEnd('.')}");
        }
    }
}
