using System.Text;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Text;

namespace LocalBloom.AI.Tests.Text;

public class TokenTextStreamTests
{
    private static readonly BloomTokenizer s_tokenizer = Golden.Tokenizer(Golden.Roots[0]);

    public static TheoryData<string, int> Vectors => Golden.VectorCases;

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Deltas_OfAVector_AreItsText(string root, int index)
    {
        TokenizerVector vector = Golden.TokenizerVectors(root)[index];

        Assert.Equal(vector.DecodedSkipSpecial, string.Concat(Stream(vector.Ids, Golden.Tokenizer(root))));
    }

    [Fact]
    public void Deltas_OfRandomIds_AreTheirDecoding()
    {
        var random = new Random(5);
        int[] bytes = [.. Enumerable.Range(0, s_tokenizer.VocabularySize).Where(id => s_tokenizer.GetTokenBytes(id).Length == 1)];
        for (int round = 0; round < 1_000; round++)
        {
            // Single bytes make all kinds of broken and of late completed characters; the rest comes from everywhere, special and unknown ids too.
            int[] ids = [.. Enumerable.Range(0, 60).Select(_ => random.Next(3) == 0 ? random.Next(4_200) : bytes[random.Next(bytes.Length)])];

            Assert.Equal(s_tokenizer.Decode(ids, skipSpecialTokens: true), string.Concat(Stream(ids, s_tokenizer)));
        }
    }

    [Theory]
    [InlineData("中文😀é")]
    [InlineData("👨‍👩‍👧")]
    public void Append_BytesOneByOne_GivesWholeCharactersWhenTheyAreComplete(string text)
    {
        var stream = new TokenTextStream(s_tokenizer);

        foreach (Rune rune in text.EnumerateRunes())
        {
            byte[] bytes = Encoding.UTF8.GetBytes(rune.ToString());
            foreach (byte value in bytes[..^1])
            {
                Assert.Equal("", stream.Append(IdOf(value)));
                Assert.Equal("", stream.Append(2)); // a special token adds nothing and breaks nothing
            }

            Assert.Equal(rune.ToString(), stream.Append(IdOf(bytes[^1])));
        }

        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void Flush_IncompleteCharacter_IsAReplacementCharacter()
    {
        var stream = new TokenTextStream(s_tokenizer);

        Assert.Equal("", stream.Append(IdOf(0xF0)));
        Assert.Equal("", stream.Append(IdOf(0x9F)));
        Assert.Equal("\ufffd", stream.Flush());
    }

    private static int IdOf(byte value) =>
        Enumerable.Range(0, s_tokenizer.VocabularySize).First(id => s_tokenizer.GetTokenBytes(id).Span.SequenceEqual([value]));

    private static List<string> Stream(IEnumerable<int> ids, BloomTokenizer tokenizer)
    {
        var stream = new TokenTextStream(tokenizer);
        List<string> deltas = [.. ids.Select(stream.Append)];
        deltas.Add(stream.Flush());

        Assert.All(deltas, delta => Assert.Equal(delta, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(delta)))); // no half pairs
        return deltas;
    }
}
