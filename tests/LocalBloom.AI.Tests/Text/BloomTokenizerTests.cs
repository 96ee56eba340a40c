using LocalBloom.AI.Testing;
using LocalBloom.AI.Text;

namespace LocalBloom.AI.Tests.Text;

public class BloomTokenizerTests
{
    private static readonly BloomTokenizer s_tokenizer = Golden.Tokenizer(Golden.Roots[0]);

    public static TheoryData<string, int> Vectors => Golden.VectorCases;

    [Fact]
    public void Vectors_AreThe182_OfWhichFourHoldSpecials()
    {
        IReadOnlyList<TokenizerVector> vectors = Golden.TokenizerVectors(Golden.Roots[0]);

        Assert.Equal(182, vectors.Count);
        Assert.Equal(4, vectors.Count(vector => vector.HoldsSpecial));
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void EncodeWithSpecialTokens_GivesTheReferenceIds(string root, int index)
    {
        TokenizerVector vector = Golden.TokenizerVectors(root)[index];

        Assert.Equal(vector.Ids, Golden.Tokenizer(root).EncodeWithSpecialTokens(vector.Text));
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Encode_GivesTheReferenceIds_AndSpellsSpecialsAsText(string root, int index)
    {
        TokenizerVector vector = Golden.TokenizerVectors(root)[index];
        BloomTokenizer tokenizer = Golden.Tokenizer(root);

        IReadOnlyList<int> ids = tokenizer.Encode(vector.Text);

        if (vector.HoldsSpecial)
        {
            Assert.DoesNotContain(ids, tokenizer.IsSpecial);
            Assert.Equal(vector.Text, tokenizer.Decode(ids, skipSpecialTokens: true));
        }
        else
        {
            Assert.Equal(vector.Ids, ids);
        }
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Decode_GivesTheReferenceTexts(string root, int index)
    {
        TokenizerVector vector = Golden.TokenizerVectors(root)[index];

        Assert.Equal(vector.Decoded, Golden.Tokenizer(root).Decode(vector.Ids, skipSpecialTokens: false));
        Assert.Equal(vector.DecodedSkipSpecial, Golden.Tokenizer(root).Decode(vector.Ids, skipSpecialTokens: true));
    }

    [Fact]
    public void Decode_IdsBeyondTheVocabulary_StandForNothing()
    {
        IEnumerable<int> ids = [s_tokenizer.VocabularySize, .. s_tokenizer.Encode("Hello"), 250_879, int.MaxValue];

        Assert.Equal("Hello", s_tokenizer.Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void Decode_NegativeId_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>("id", () => s_tokenizer.Decode([-1], skipSpecialTokens: false));

    [Fact]
    public void Vocabulary_IsTheFiles()
    {
        Assert.Equal(4096, s_tokenizer.VocabularySize);
        Assert.Equal(42, s_tokenizer.LongestTokenBytes);
        Assert.True(s_tokenizer.TryGetSpecialTokenId("</s>", out int id));
        Assert.Equal(2, id);
        Assert.False(s_tokenizer.TryGetSpecialTokenId("Hello", out _));
        Assert.True(s_tokenizer.IsSpecial(2));
        Assert.False(s_tokenizer.IsSpecial(4));
        Assert.False(s_tokenizer.IsSpecial(250_879));
        Assert.True(s_tokenizer.GetTokenBytes(2).IsEmpty);
        Assert.True(s_tokenizer.GetTokenBytes(250_879).IsEmpty);
        Assert.Equal("!"u8.ToArray(), s_tokenizer.GetTokenBytes(4).ToArray());
    }

    [Theory]
    [InlineData("\ud83d")]
    [InlineData("a\ude00b")]
    [InlineData("\ude00\ud83d x")]
    public void Encode_HalfASurrogatePair_IsAReplacementCharacter(string text)
    {
        string expected = text.Replace('\ud83d', '\ufffd').Replace('\ude00', '\ufffd');

        Assert.Equal(s_tokenizer.Encode(expected), s_tokenizer.Encode(text));
        Assert.Equal(expected, s_tokenizer.Decode(s_tokenizer.EncodeWithSpecialTokens(text), skipSpecialTokens: false));
    }

    [Fact]
    public void Encode_AnyText_DecodesToItself()
    {
        foreach (string text in RandomTexts.Make(seed: 1, count: 500, maxRunes: 60))
        {
            Assert.Equal(text, s_tokenizer.Decode(s_tokenizer.Encode(text), skipSpecialTokens: true));
        }
    }

    [Theory]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(129)]
    [InlineData(5_000)]
    public void Encode_LongPieces_DoNotShowWhoMergesThem(int length)
    {
        string piece = string.Concat(Enumerable.Repeat("人工智能和", length))[..length];
        string word = " " + string.Concat(Enumerable.Repeat("the", length))[..(length - 1)];

        Assert.Equal(piece + word, s_tokenizer.Decode(s_tokenizer.Encode(piece + word), skipSpecialTokens: true));
        Assert.Equal([.. s_tokenizer.Encode(piece), .. s_tokenizer.Encode(word)], s_tokenizer.Encode(piece + word));
    }

    [Fact]
    public void Encode_FromManyThreads_GivesWhatOneGives()
    {
        string[] texts = [.. RandomTexts.Make(seed: 2, count: 400, maxRunes: 80), .. Golden.TokenizerVectors(Golden.Roots[0]).Select(vector => vector.Text)];
        IReadOnlyList<int>[] alone = [.. texts.Select(s_tokenizer.Encode)];
        BloomTokenizer shared = BloomTokenizer.Load(Golden.TokenizerPath(Golden.Roots[0]));

        Parallel.For(0, 8 * texts.Length, new ParallelOptions { MaxDegreeOfParallelism = 16 }, i =>
            Assert.Equal(alone[i % texts.Length], shared.Encode(texts[i % texts.Length])));
    }
}
