using LocalBloom.AI.Text;

namespace LocalBloom.AI.Tests.Text;

public class StopSequenceFilterTests
{
    [Fact]
    public void Append_StopAcrossDeltas_PassesOnlyWhatStandsBefore()
    {
        var filter = new StopSequenceFilter(["\nUser:"]);

        Assert.Equal(("Hello", false), filter.Append("Hello"));
        Assert.Equal((".", false), filter.Append(".\nUs"));
        Assert.Equal(("", false), filter.Append("er"));
        Assert.Equal(("", true), filter.Append(": and more"));
        Assert.Equal(("", true), filter.Append("ignored"));
        Assert.Equal("", filter.Flush());
    }

    [Fact]
    public void Append_WhatTurnsOutToBeNoStop_PassesThen()
    {
        var filter = new StopSequenceFilter(["\nUser:"]);

        Assert.Equal(("", false), filter.Append("\nUse"));
        Assert.Equal(("\nUse it", false), filter.Append(" it"));
        Assert.Equal(("", false), filter.Append("\n"));
        Assert.Equal("\n", filter.Flush());
        Assert.False(filter.Stopped);
    }

    [Theory]
    [InlineData("xabcd", "x")]  // the longer sequence starts first and is completed
    [InlineData("xabce", "xa")] // it is not, so the one inside it counts
    [InlineData("xabc", "xa")]  // nor is it when the text ends
    public void OverlappingStops_TheOneThatStartsFirstCounts(string text, string expected)
    {
        (string passed, bool stopped) = Run(["abcd", "bc"], text.Select(character => character.ToString()));

        Assert.Equal((expected, true), (passed, stopped));
    }

    [Fact]
    public void RandomTexts_AnyChunking_GivesTheNaiveResult()
    {
        var random = new Random(6);
        for (int round = 0; round < 20_000; round++)
        {
            string[] stops = [.. Enumerable.Range(0, random.Next(4)).Select(_ => Letters(random, random.Next(1, 6)))];
            string text = Letters(random, random.Next(25));

            int first = stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(start => start >= 0).DefaultIfEmpty(-1).Min();

            Assert.Equal((first < 0 ? text : text[..first], first >= 0), Run(stops, Chunks(random, text)));
        }
    }

    [Fact]
    public void NoStops_AllPassesAtOnce() => Assert.Equal(("any text", false), new StopSequenceFilter([]).Append("any text"));

    [Fact]
    public void EmptyStop_Throws() => Assert.Throws<ArgumentException>("stopSequences", () => new StopSequenceFilter(["x", ""]));

    [Fact]
    public void LongReply_OfNearMisses_TakesLinearTime()
    {
        string almost = new('a', 2_000);
        var filter = new StopSequenceFilter([almost + "b"]);
        int passed = 0;

        for (int i = 0; i < 50_000; i++)
        {
            passed += filter.Append("a").Text.Length;
        }

        Assert.Equal(48_000, passed);
        Assert.Equal(almost, filter.Flush());
    }

    private static string Letters(Random random, int length) =>
        string.Concat(Enumerable.Range(0, length).Select(_ => random.Next(2) == 0 ? 'a' : 'b'));

    private static IEnumerable<string> Chunks(Random random, string text)
    {
        for (int start = 0; start < text.Length;)
        {
            int length = Math.Min(random.Next(4), text.Length - start);
            yield return text.Substring(start, length);
            start += length;
        }
    }

    private static (string Passed, bool Stopped) Run(string[] stops, IEnumerable<string> chunks)
    {
        var filter = new StopSequenceFilter(stops);
        string passed = string.Concat(chunks.Select(chunk => filter.Append(chunk).Text));
        return (passed + filter.Flush(), filter.Stopped);
    }
}
