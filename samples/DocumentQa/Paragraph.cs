using System.Text;
using System.Text.RegularExpressions;

namespace LocalBloom.AI.Samples;

/// <summary>Lines of a text between blank lines or headings, joined into one, with the way back to where each came from.</summary>
internal sealed partial class Paragraph
{
    private readonly StringBuilder _text = new();
    private readonly List<int> _offsets = []; // of each line in the text
    private readonly List<int> _lines = []; // its number

    private Paragraph(string heading) => Heading = heading;

    /// <summary>Gets the heading above; empty without one.</summary>
    public string Heading { get; }

    public string Text => _text.ToString();

    /// <summary>Reads all paragraphs of a text. A heading without text below is one by itself.</summary>
    /// <param name="text">The text.</param>
    /// <param name="isMarkdown">Whether lines that begin with # are headings.</param>
    public static IEnumerable<Paragraph> ReadAll(string text, bool isMarkdown)
    {
        string heading = "";
        int? headingLine = null; // while no paragraph has followed it
        Paragraph? paragraph = null;
        int number = 0;
        foreach (string raw in text.ReplaceLineEndings("\n").Split('\n'))
        {
            number++;
            string line = raw.Trim();
            string? found = isMarkdown ? HeadingOf(line) : null;
            if (line.Length > 0 && found is null)
            {
                headingLine = null;
                paragraph ??= new(heading);
                paragraph.Add(line, number);
                continue;
            }

            if (paragraph is not null)
            {
                yield return paragraph;
                paragraph = null;
            }

            if (found is not null)
            {
                if (headingLine is { } lonely)
                {
                    yield return Lonely(heading, lonely);
                }

                (heading, headingLine) = (found, number);
            }
        }

        if ((paragraph ?? (headingLine is { } last ? Lonely(heading, last) : null)) is { } rest)
        {
            yield return rest;
        }
    }

    /// <summary>Gets the number of the line that a character comes from, from 1.</summary>
    public int LineAt(int offset)
    {
        int found = _offsets.BinarySearch(offset);
        return _lines[found >= 0 ? found : ~found - 1];
    }

    /// <summary>Gets what a Markdown heading says: after one to six # and a space, and before further # behind a space.</summary>
    private static string? HeadingOf(string line)
    {
        int level = line.AsSpan().IndexOfAnyExcept('#');
        if (level is < 1 or > 6 || !char.IsWhiteSpace(line[level]))
        {
            return null;
        }

        string text = line[level..].Trim();
        string open = text.TrimEnd('#');
        text = open.Length == 0 || char.IsWhiteSpace(open[^1]) ? open.TrimEnd() : text;
        return text.AsSpan().IndexOfAnyExcept('#', ' ') < 0 ? null : text;
    }

    private static Paragraph Lonely(string heading, int line)
    {
        var paragraph = new Paragraph("");
        paragraph.Add(heading, line);
        return paragraph;
    }

    private void Add(string line, int number)
    {
        if (_text.Length > 0)
        {
            // Items of a list and rows of a table stay on lines of their own. Chinese and Japanese have no spaces between words.
            _text.Append(ItemLine().IsMatch(line) ? "\n" : IsWide(_text[^1]) && IsWide(line[0]) ? "" : " ");
        }

        _offsets.Add(_text.Length);
        _lines.Add(number);
        _text.Append(line);
    }

    private static bool IsWide(char c) => c is (>= '\u2E80' and <= '\u9FFF') or (>= '\uF900' and <= '\uFAFF') or (>= '\uFE30' and <= '\uFE4F') or (>= '\uFF00' and <= '\uFFEF');

    [GeneratedRegex(@"^([-*+>|]|\d+[.)]\s)")]
    private static partial Regex ItemLine();
}
