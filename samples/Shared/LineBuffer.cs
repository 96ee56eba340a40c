using Spectre.Console;

namespace LocalBloom.AI.Samples;

/// <summary>A line that is being typed: its text, the cursor in it, and where both come to lie on a terminal.</summary>
internal sealed class LineBuffer
{
    public string Text { get; private set; } = "";

    /// <summary>Gets how many characters stand before the cursor; never in the middle of a surrogate pair once that is complete.</summary>
    public int Cursor { get; private set; }

    public void Set(string text) => (Text, Cursor) = (text, text.Length);

    public void Insert(char c) => (Text, Cursor) = (Text.Insert(Cursor, c.ToString()), Cursor + 1);

    public void Left() => Cursor = Before();

    public void Right() => Cursor = After();

    public void Home() => Cursor = 0;

    public void End() => Cursor = Text.Length;

    public void DeleteBefore() => DeleteFrom(Before());

    public void DeleteAfter() => Text = Text.Remove(Cursor, After() - Cursor);

    public void DeleteToStart() => DeleteFrom(0);

    public void DeleteWord()
    {
        int end = Text.AsSpan(0, Cursor).TrimEnd().Length;
        DeleteFrom(end == 0 ? 0 : Text.LastIndexOf(' ', end - 1) + 1);
    }

    /// <summary>Gets row and column, in cells, at which the next character appears after a prompt and some text.</summary>
    /// <param name="text">Text, begun at row 0 behind the prompt.</param>
    /// <param name="promptWidth">Cells of the prompt.</param>
    /// <param name="width">Cells of a row, at least 2.</param>
    public static (int Row, int Column) Locate(ReadOnlySpan<char> text, int promptWidth, int width)
    {
        (int row, int column) = (promptWidth / width, promptWidth % width);
        foreach (System.Text.Rune rune in text.EnumerateRunes())
        {
            int cells = rune.ToString().GetCellWidth();
            if (column + cells > width)
            {
                (row, column) = (row + 1, 0); // a wide character does not straddle two rows
            }

            column += cells;
        }

        return column >= width ? (row + 1, 0) : (row, column);
    }

    private int Before() => Cursor - (Cursor >= 2 && char.IsSurrogatePair(Text, Cursor - 2) ? 2 : Math.Min(1, Cursor));

    private int After() =>
        Cursor + (Cursor + 1 < Text.Length && char.IsSurrogatePair(Text, Cursor) ? 2 : Math.Min(1, Text.Length - Cursor));

    private void DeleteFrom(int start) => (Text, Cursor) = (Text.Remove(start, Cursor - start), start);
}
