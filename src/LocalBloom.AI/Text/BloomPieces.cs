using System.Text.RegularExpressions;

namespace LocalBloom.AI.Text;

/// <summary>Splits text as BLOOM does before merging: no token crosses the border of two pieces.</summary>
internal static partial class BloomPieces
{
    /// <summary>Gives the pieces of a text in order: words with the space before them, and what lies between words.</summary>
    public static List<Range> Split(ReadOnlySpan<char> text)
    {
        var pieces = new List<Range>();
        int end = 0;
        foreach (ValueMatch word in Words().EnumerateMatches(text))
        {
            if (word.Index > end)
            {
                pieces.Add(end..word.Index);
            }

            end = word.Index + word.Length;
            pieces.Add(word.Index..end);
        }

        if (end < text.Length)
        {
            pieces.Add(end..text.Length);
        }

        return pieces;
    }

    /// <summary>Matches a word.</summary>
    /// <remarks>
    /// The .NET form of Oniguruma's <c> ?[^(\s|[.,!?…。，、।۔،])]+</c>, whose inner brackets are a nested set: the outer class also excludes
    /// parentheses and the bar. <c>\s</c> is Unicode's White_Space in both: with U+0085, without U+001C to U+001F, U+180E and U+200B.
    /// </remarks>
    [GeneratedRegex(@" ?[^(\s|.,!?…。，、।۔،)]+")]
    private static partial Regex Words();
}
