using LocalBloom.AI.Testing;
using LocalBloom.AI.Text;

namespace LocalBloom.AI.Tests.Text;

public class PromptEncodingTests
{
    private static readonly BloomTokenizer s_tokenizer = Golden.Tokenizer(Golden.Roots[0]);
    private static readonly TokenCountBound s_bound = new(MakeVocabulary());
    private static readonly PromptPart s_endOfSequence = new("</s>", IsSpecialToken: true);

    [Fact]
    public void Encode_AdjacentTexts_AreEncodedAsOne() =>
        Assert.Equal(
            s_tokenizer.Encode("Hello world 😀"), s_tokenizer.Encode([new("Hel"), new("lo wor"), new(""), new("ld \ud83d"), new("\ude00")], 100));

    [Fact]
    public void Encode_SpecialParts_BecomeTheirIds_AndTextNeverDoes()
    {
        IReadOnlyList<int> ids = s_tokenizer.Encode([s_endOfSequence, new("</s>"), s_endOfSequence], 100);

        Assert.Equal([2, .. s_tokenizer.Encode("</s>"), 2], ids);
        Assert.Equal(2, ids.Count(s_tokenizer.IsSpecial));
    }

    [Fact]
    public void Encode_UnknownSpecial_NamesThoseThereAre()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => s_tokenizer.Encode([new("<|end|>", IsSpecialToken: true)], 100));

        Assert.Contains("'<|end|>'", error.Message, StringComparison.Ordinal);
        Assert.Contains("<unk>, <s>, </s>, <pad>", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_NothingToContinue_SaysSo()
    {
        Assert.Contains("empty", Assert.Throws<ArgumentException>("parts", () => s_tokenizer.Encode([], 100)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("parts", () => s_tokenizer.Encode([new(""), new("")], 100));
    }

    [Fact]
    public void Encode_LeavesRoomForOneTokenOfReply()
    {
        PromptPart[] parts = [new("Hello world"), s_endOfSequence]; // 5 + 1 tokens

        Assert.Equal(6, s_tokenizer.Encode(parts, 7).Count);
        ContextOverflowException error = Assert.Throws<ContextOverflowException>(() => s_tokenizer.Encode(parts, 6));
        Assert.Equal((6, 6), (error.PromptTokens, error.MaxContextTokens));
        Assert.DoesNotContain("at least", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_WhatCannotFit_IsRefusedBeforeItIsEncoded()
    {
        PromptPart[] parts = [new(new string('的', 10_000_000))];

        ContextOverflowException error = Assert.Throws<ContextOverflowException>(() => s_tokenizer.Encode(parts, 2048));

        Assert.Contains("at least", error.Message, StringComparison.Ordinal); // a bound, not a count
        Assert.InRange(error.PromptTokens, 2048, 30_000_000);
    }

    [Fact]
    public void TokenCountBound_IsNeverAboveTheCount_NorBelowBytesOverLongest()
    {
        string[] runs = [.. PairMergerTests.LongRuns.Select(row => row.Data)];
        IEnumerable<string> random = RandomTexts.Make(seed: 4, count: 500, maxRunes: 100);
        foreach (string text in random.Concat(runs).Concat(Golden.TokenizerVectors(Golden.Roots[0]).Select(vector => vector.Text)))
        {
            int longest = s_bound.LongestTokenBytes;
            int simple = (System.Text.Encoding.UTF8.GetByteCount(text) + longest - 1) / longest;

            Assert.InRange(s_bound.AtLeast(text), simple, s_tokenizer.Encode(text).Count);
        }
    }

    private static Vocabulary MakeVocabulary()
    {
        TokenizerFile file = TokenizerFile.Read(Golden.TokenizerPath(Golden.Roots[0]));
        return new Vocabulary(file.TokensById, file.AddedTokens.Where(token => token.IsSpecial).Select(token => token.Id));
    }
}
