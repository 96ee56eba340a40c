namespace LocalBloom.AI.Samples;

/// <summary>A passage of a file, as a vector store keeps it.</summary>
internal sealed record DocumentPassage
{
    /// <summary>Gets its place among all passages, from 0.</summary>
    public required int Id { get; init; }

    /// <summary>Gets the file's path below the folder.</summary>
    public required string File { get; init; }

    /// <summary>Gets the line that it begins in, from 1.</summary>
    public required int FirstLine { get; init; }

    public required int LastLine { get; init; }

    /// <summary>Gets the heading that it stands under, and what it says.</summary>
    public required string Text { get; init; }

    /// <summary>Gets its embedding; empty until that was made.</summary>
    public ReadOnlyMemory<float> Vector { get; init; }

    /// <summary>Gets where it stands, for people.</summary>
    public string Source => FirstLine == LastLine ? $"{File}, line {FirstLine}" : $"{File}, lines {FirstLine}–{LastLine}";

    /// <summary>Cuts documents into passages.</summary>
    /// <param name="documents">The documents.</param>
    /// <param name="maxTokens">The most tokens of a passage with its heading.</param>
    /// <param name="countTokens">Counts the tokens of a text.</param>
    public static IReadOnlyList<DocumentPassage> CutAll(IEnumerable<TextDocument> documents, int maxTokens, Func<string, int> countTokens) =>
    [
        .. documents
            .SelectMany(document => PassageCutter.Cut(document.Text, document.IsMarkdown, maxTokens, countTokens).Select(piece => (document.Name, Piece: piece)))
            .Select((passage, id) => new DocumentPassage
            {
                Id = id,
                File = passage.Name,
                FirstLine = passage.Piece.FirstLine,
                LastLine = passage.Piece.LastLine,
                Text = passage.Piece.Heading.Length == 0 ? passage.Piece.Text : $"{passage.Piece.Heading}\n{passage.Piece.Text}",
            }),
    ];
}
