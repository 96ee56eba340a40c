using System.Text;
using LocalBloom.AI.Samples;

namespace LocalBloom.AI.Tests.Samples;

public class PassageCutterTests
{
    [Fact]
    public void Paragraphs_ArePassages_WithTheirLines()
    {
        const string Text = "One line\nand another.\r\n\r\n  \nA second\rparagraph.\n";

        Assert.Equal([new("", "One line and another.", 1, 2), new("", "A second paragraph.", 5, 6)], Cut(Text));
    }

    [Fact]
    public void Headings_GoWithWhatStandsBelow_AndAloneWithoutIt()
    {
        const string Text = "Before.\n# Ferry #\nIt leaves at 6:45.\n\nIt costs 12 euros.\n## Empty\n### Captain\nIngrid.\n# End\n";

        Assert.Equal(
            [
                new("", "Before.", 1, 1),
                new("Ferry", "It leaves at 6:45.", 3, 3),
                new("Ferry", "It costs 12 euros.", 5, 5),
                new("", "Empty", 6, 6),
                new("Captain", "Ingrid.", 8, 8),
                new("", "End", 9, 9),
            ],
            Cut(Text));
    }

    [Fact]
    public void Heading_IsCutToAQuarter_AndCounted()
    {
        IReadOnlyList<TextPiece> pieces = Cut($"# {string.Concat(Enumerable.Repeat("word ", 3000))}\n\nIt leaves at 6:45. It costs 12 euros.", maxTokens: 40);

        Assert.Equal(
            [new("word word", "It leaves at 6:45.", 3, 3), new("word word", "It costs 12 euros.", 3, 3)],
            pieces);
        Assert.All(pieces, piece => Assert.InRange(CountTokens($"{piece.Heading}\n{piece.Text}"), 1, 40));
    }

    [Theory]
    [InlineData("# C#", "C#")]
    [InlineData("## A title ##", "A title")]
    [InlineData("#\tTab", "Tab")]
    public void Heading_EndsBeforeClosingMarks(string line, string heading) => Assert.Equal([new(heading, "x", 2, 2)], Cut($"{line}\nx"));

    [Fact]
    public void PlainText_HasNoHeadings() => Assert.Equal([new("", "# a comment echo", 1, 2)], Cut("# a comment\necho", isMarkdown: false));

    [Theory]
    [InlineData("#hashtag is no heading.")]
    [InlineData("C# is a language.")]
    [InlineData("# #")]
    [InlineData("####### seven")]
    public void WhatIsNoHeading_IsText(string line) => Assert.Equal([new("", line, 1, 1)], Cut(line));

    [Fact]
    public void Lines_AreJoinedAsTheirLanguageWants_AndItemsOfAListAreNot() =>
        Assert.Equal(
            [new("", "石桥建于1623年，是最有名的景点。 See the bridge.\n- one more\n- two\n2. three", 1, 6)],
            Cut("石桥建于1623年，\n是最有名的景点。\nSee the bridge.\n- one\nmore\n- two\n2. three".Replace("one\nmore", "one more", StringComparison.Ordinal)));

    [Fact]
    public void LongParagraph_IsCutBetweenSentences()
    {
        const string Text = "Aaaa bbbb. Cccc dddd! \"Eeee?\" Ffff.\nGgggggggg.\n\n石桥建于1623年。“石桥很长。”由青石砌成。";

        Assert.Equal(
            [
                new("", "Aaaa bbbb. Cccc dddd!", 1, 1),
                new("", "\"Eeee?\" Ffff.", 1, 1),
                new("", "Ggggggggg.", 2, 2),
                new("", "石桥建于1623年。“石桥很长。”", 4, 4),
                new("", "由青石砌成。", 4, 4),
            ],
            Cut(Text, maxTokens: 22));
    }

    [Fact]
    public void LongSentence_IsCutBetweenWords_AndALongWordBetweenCharacters()
    {
        Assert.Equal(["Aaaa bbbb", "cccc dddd"], Cut("Aaaa bbbb cccc dddd", maxTokens: 11).Select(piece => piece.Text));
        Assert.Equal(["aaaaaaaa", "aaaaaaaa", "aa bb"], Cut("aaaaaaaaaaaaaaaaaa bb", maxTokens: 8).Select(piece => piece.Text));
    }

    [Fact]
    public void Character_IsNeverCut_EvenWhereItIsLongerThanAPassage()
    {
        const string Family = "👨‍👩‍👧"; // five code points, one character to a reader

        Assert.Equal([Family, "e\u0301", Family], Cut($"{Family}e\u0301{Family}", maxTokens: 2).Select(piece => piece.Text));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n\t\r\n\n")]
    public void BlankText_HasNoPassages(string text) => Assert.Empty(Cut(text));

    [Fact]
    public void NothingIsLost_AndNoPassageIsTooLong()
    {
        var random = new Random(7);
        string[] parts = ["a", "Wort ", ". ", "。", "桥", "🙂", "\n", "\n\n", "\r\n", "e\u0301", "- ", "x", "“", "”", "\t", "，"];
        for (int round = 0; round < 300; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 200)).Select(_ => parts[random.Next(parts.Length)]));
            int maxTokens = random.Next(4, 40);

            IReadOnlyList<TextPiece> pieces = Cut(text, maxTokens);

            Assert.Equal(WithoutSpace(text), WithoutSpace(string.Concat(pieces.Select(piece => piece.Text))));
            string[] lines = text.ReplaceLineEndings("\n").Split('\n');
            Assert.All(pieces, piece =>
            {
                Assert.InRange(CountTokens(piece.Text), 1, maxTokens);
                Assert.Contains(WithoutSpace(piece.Text), WithoutSpace(string.Concat(lines[(piece.FirstLine - 1)..piece.LastLine])), StringComparison.Ordinal);
            });
        }
    }

    [Fact]
    public void LargeTextWithoutAnySpace_IsCut()
    {
        IReadOnlyList<TextPiece> pieces = Cut(new string('x', 1 << 18), maxTokens: 200);

        Assert.Equal((1 << 18) / 200 + 1, pieces.Count);
    }

    private static IReadOnlyList<TextPiece> Cut(string text, int maxTokens = 100, bool isMarkdown = true) => PassageCutter.Cut(text, isMarkdown, maxTokens, CountTokens);

    private static int CountTokens(string text) => text.EnumerateRunes().Count();

    private static string WithoutSpace(string text) => string.Concat(text.Where(c => !char.IsWhiteSpace(c))).Normalize(NormalizationForm.FormC);
}
