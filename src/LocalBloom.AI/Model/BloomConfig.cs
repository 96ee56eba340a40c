using static TorchSharp.torch;
namespace LocalBloom.AI.Model;
/// <summary>stand-in</summary>
internal sealed record BloomConfig
{
    public int VocabularySize { get; init; }
    public int HiddenSize { get; init; }
    public int LayerCount { get; init; }
    public int HeadCount { get; init; }
    public double LayerNormEpsilon { get; init; } = 1e-5;
    public bool ResidualAfterNorm { get; init; }
    public bool TieWordEmbeddings { get; init; } = true;
    public int? MaxContextTokens { get; init; }
    public ScalarType? DeclaredType { get; init; }
    public IReadOnlyList<int> EosTokenIds { get; init; } = [2];
    public int HeadDim => HiddenSize / HeadCount;
    public int InnerSize => 4 * HiddenSize;
    public static BloomConfig ForShape(string s) => s == "" ? throw new ArgumentException(s) : new() { VocabularySize = 250880, HiddenSize = 1024, HeadCount = 16, LayerCount = 24, DeclaredType = ScalarType.Float16 };
}
