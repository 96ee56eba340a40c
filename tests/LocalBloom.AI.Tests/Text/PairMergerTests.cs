using LocalBloom.AI.Testing;
using LocalBloom.AI.Text;
using Microsoft.ML.Tokenizers;

namespace LocalBloom.AI.Tests.Text;

public class PairMergerTests
{
    private static readonly TokenizerFile s_file = TokenizerFile.Read(Golden.TokenizerPath(Golden.Roots[0]));
    private static readonly PairMerger s_merger = new(s_file.ByteIds, s_file.MergeTable);

    private static readonly BpeTokenizer s_library = BpeTokenizer.Create(
        new BpeOptions(s_file.Tokens) { Merges = s_file.Merges, ByteLevel = true });

    public static TheoryData<string> LongRuns =>
    [
        new string(' ', 1_001), new string('\n', 999), new string('的', 700), new string('=', 513), string.Concat(Enumerable.Repeat("abcabd", 150)),
        string.Concat(Enumerable.Repeat("人工智能", 200)), string.Concat(Enumerable.Repeat("😀", 300)),
    ];

    [Theory]
    [MemberData(nameof(LongRuns))]
    public void Encode_LongRun_AgreesWithTheLibrary(string piece) => AssertAgrees(piece);

    [Fact]
    public void Encode_RandomPieces_AgreesWithTheLibrary()
    {
        foreach (string piece in RandomTexts.Make(seed: 3, count: 2_000, maxRunes: 120).Where(text => text.Length > 0))
        {
            AssertAgrees(piece);
        }
    }

    [Fact]
    public void Encode_VectorsAsOnePiece_AgreesWithTheLibrary() =>
        AssertAgrees(string.Concat(Golden.TokenizerVectors(Golden.Roots[0]).Select(vector => vector.Text)));

    // The piece is not split first: what counts here is the order of merges.
    private static void AssertAgrees(string piece)
    {
        var ids = new List<int>();

        s_merger.Encode(piece, ids);

        Assert.Equal(s_library.EncodeToIds(piece, considerPreTokenization: false, considerNormalization: false), ids);
    }
}
