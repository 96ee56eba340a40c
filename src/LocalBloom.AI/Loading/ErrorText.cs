using System.Text;

namespace LocalBloom.AI.Loading;

/// <summary>Brings what stands in a foreign file into an error message: quoted, printable and short.</summary>
internal static class ErrorText
{
    private const int MaxItems = 12;
    private const int MaxLength = 120;

    /// <summary>Quotes a name; control characters and lone surrogates become <c>?</c>, and a long one is cut.</summary>
    public static string Name(string name)
    {
        var text = new StringBuilder("'");
        foreach (char c in name.AsSpan(0, Math.Min(name.Length, MaxLength)))
        {
            text.Append(char.IsControl(c) || char.IsSurrogate(c) ? '?' : c);
        }

        return text.Append(name.Length > MaxLength ? "…'" : "'").ToString();
    }

    /// <summary>Joins the first dozen items and counts the rest.</summary>
    public static string List(IReadOnlyCollection<string> items) =>
        string.Join(", ", items.Take(MaxItems)) + (items.Count > MaxItems ? $", and {items.Count - MaxItems} more" : "");

    /// <summary>Writes a shape as <c>[rows, columns]</c>.</summary>
    public static string Shape(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape.Take(MaxItems))}{(shape.Count > MaxItems ? ", …" : "")}]";
}
