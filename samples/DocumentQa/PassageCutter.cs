using System.Globalization;
using System.Text.RegularExpressions;

namespace LocalBloom.AI.Samples;

/// <summary>A piece of a text that is short enough for a model.</summary>
/// <param name="Heading">The Markdown heading that it stands under, cut where it is long; empty without one.</param>
/// <param name="Text">The piece; lines of a paragraph are joined.</param>
/// <param name="FirstLine">The line that it begins in, from 1.</param>
/// <param name="LastLine">The line that it ends in.</param>
internal sealed record TextPiece(string Heading, string Text, int FirstLine, int LastLine);

/// <summary>Cuts a text into passages: at blank lines and headings; a paragraph that is too long, at the ends of sentences; a sentence, between words.</summary>
internal static partial class PassageCutter
{
    // A stretch that is looked at for one passage has at most so many characters a token; real text has one to five.
    private const int MaxCharactersPerToken = 8;

    private const int MaxHeadingPart = 4; // a quarter

    /// <summary>Cuts a text.</summary>
    /// <param name="text">Plain text or Markdown.</param>
    /// <param name="isMarkdown">Whether it is Markdown, with headings.</param>
    /// <param name="maxTokens">The most tokens of a passage with its heading, 1 or more. Only a single character of more tokens is longer.</param>
    /// <param name="countTokens">Counts the tokens of a text.</param>
    /// <returns>Passages in order, none of them blank.</returns>
    public static IReadOnlyList<TextPiece> Cut(string text, bool isMarkdown, int maxTokens, Func<string, int> countTokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        return [.. Paragraph.ReadAll(text, isMarkdown).SelectMany(paragraph => Cut(paragraph, maxTokens, countTokens))];
    }

    private static IEnumerable<TextPiece> Cut(Paragraph paragraph, int maxTokens, Func<string, int> countTokens)
    {
        // A heading is worth repeating as long as the passage is mainly what stands below it.
        int room = maxTokens / MaxHeadingPart;
        string heading = room == 0 ? "" : Split(paragraph.Heading, room, countTokens).Select(piece => paragraph.Heading[piece]).FirstOrDefault("");
        heading = countTokens(heading) <= room ? heading : "";
        Func<string, int> countAll = heading.Length == 0 ? countTokens : text => countTokens($"{heading}\n{text}");
        string whole = paragraph.Text;
        return Split(whole, maxTokens, countAll).Select(piece => new TextPiece(
            heading, whole[piece], paragraph.LineAt(piece.Start.Value), paragraph.LineAt(piece.End.Value - 1)));
    }

    private static IEnumerable<Range> Split(string text, int maxTokens, Func<string, int> countTokens)
    {
        int start = 0;
        while (start < text.Length)
        {
            int end = FindEnd(text, start, maxTokens, countTokens);
            int last = start + text.AsSpan(start, end - start).TrimEnd().Length;
            if (last > start)
            {
                yield return start..last;
            }

            start = end + text.AsSpan(end).Length - text.AsSpan(end).TrimStart().Length;
        }
    }

    private static int FindEnd(string text, int start, int maxTokens, Func<string, int> countTokens)
    {
        int limit = (int)Math.Min(text.Length, start + ((long)maxTokens * MaxCharactersPerToken));
        if (limit == text.Length && countTokens(text[start..]) <= maxTokens)
        {
            return limit;
        }

        string stretch = text[start..limit];
        return start + (
            LongestThatFits(stretch, [.. SentenceEnd().Matches(stretch).Select(match => match.Index + match.Length)], maxTokens, countTokens)
            ?? LongestThatFits(stretch, [.. WordEnd().Matches(stretch).Select(match => match.Index)], maxTokens, countTokens)
            ?? LongestThatFits(stretch, [.. StringInfo.ParseCombiningCharacters(stretch).Skip(1)], maxTokens, countTokens)
            ?? StringInfo.GetNextTextElementLength(stretch));
    }

    /// <summary>Gets the last of the ends up to which the text fits. Token counts grow with the text, nearly: so half of the ends are left out at each step.</summary>
    private static int? LongestThatFits(string text, int[] ends, int maxTokens, Func<string, int> countTokens)
    {
        int? found = null;
        int low = 0;
        int high = ends.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (countTokens(text[..ends[middle]].TrimEnd()) <= maxTokens)
            {
                (found, low) = (ends[middle], middle + 1);
            }
            else
            {
                high = middle - 1;
            }
        }

        return found;
    }

    [GeneratedRegex("""[.!?…]["'”’)\]]*\s|[。！？；…]["”’」』）]*|\n""")]
    private static partial Regex SentenceEnd();

    [GeneratedRegex(@"(?<=\S)\s|(?<=[，、：])")]
    private static partial Regex WordEnd();
}
