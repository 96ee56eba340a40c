using System.Diagnostics;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Text;

namespace LocalBloom.AI.Tests.Text;

public class PromptEncodingTests
{
    private static readonly BloomTokenizer Tokenizer = Golden.Tokenizer(Golden.Roots[0]);
    private static readonly TokenCountBound Bound = new(MakeVocabulary());
    private static readonly PromptPart EndOfSequence = new("</s>", IsSpecialToken: true);

    [Fact]
    public void Encode_AdjacentTexts_AreEncodedAsOne() =>
        Assert.Equal(
            Tokenizer.Encode("Hello world 😀"), Tokenizer.Encode([new("Hel"), new("lo wor"), new(""), new("ld \ud83d"), new("\ude00")], 100));

    [Fact]
    public void Encode_SpecialParts_BecomeTheirIds_AndTextNeverDoes()
    {
        IReadOnlyList<int> ids = Tokenizer.Encode([EndOfSequence, new("</s>"), EndOfSequence], 100);

        Assert.Equal([2, .. Tokenizer.Encode("</s>"), 2], ids);
        Assert.Equal(2, ids.Count(Tokenizer.IsSpecial));
    }

    [Fact]
    public void Encode_UnknownSpecial_NamesThoseThereAre()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Tokenizer.Encode([new("<|end|>", IsSpecialToken: true)], 100));

        Assert.Contains("'<|end|>'", error.Message, StringComparison.Ordinal);
        Assert.Contains("<unk>, <s>, </s>, <pad>", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_NothingToContinue_SaysSo()
    {
        Assert.Contains("empty", Assert.Throws<ArgumentException>("parts", () => Tokenizer.Encode([], 100)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("parts", () => Tokenizer.Encode([new(""), new("")], 100));
    }

    [Fact]
    public void Encode_LeavesRoomForOneTokenOfReply()
    {
        PromptPart[] parts = [new("Hello world"), EndOfSequence]; // 5 + 1 tokens

        Assert.Equal(6, Tokenizer.Encode(parts, 7).Count);
        ContextOverflowException error = Assert.Throws<ContextOverflowException>(() => Tokenizer.Encode(parts, 6));
        Assert.Equal((6, 6), (error.PromptTokens, error.MaxContextTokens));
        Assert.DoesNotContain("at least", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_WhatCannotFit_IsRefusedBeforeItIsEncoded()
    {
        PromptPart[] parts = [new(new string('的', 10_000_000))];
        var watch = Stopwatch.StartNew();

        ContextOverflowException error = Assert.Throws<ContextOverflowException>(() => Tokenizer.Encode(parts, 2048));

        Assert.Contains("at least", error.Message, StringComparison.Ordinal);
        Assert.InRange(error.PromptTokens, 2048, 30_000_000);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"took {watch.Elapsed}");
    }

    [Fact]
    public void TokenCountBound_IsNeverAboveTheCount_NorBelowBytesOverLongest()
    {
        string[] runs = [.. PairMergerTests.LongRuns.Select(row => row.Data)];
        IEnumerable<string> random = RandomTexts.Make(seed: 4, count: 500, maxRunes: 100);
        foreach (string text in random.Concat(runs).Concat(Golden.TokenizerVectors(Golden.Roots[0]).Select(vector => vector.Text)))
        {
            int longest = Bound.LongestTokenBytes;
            int simple = (System.Text.Encoding.UTF8.GetByteCount(text) + longest - 1) / longest;

            Assert.InRange(Bound.AtLeast(text), simple, Tokenizer.Encode(text).Count);
        }
    }

    private static Vocabulary MakeVocabulary()
    {
        TokenizerFile file = TokenizerFile.Read(Golden.TokenizerPath(Golden.Roots[0]));
        return new Vocabulary(file.TokensById, file.AddedTokens.Where(token => token.IsSpecial).Select(token => token.Id));
    }
}
