using LocalBloom.AI.Model;

namespace LocalBloom.AI.Placement;

/// <summary>One rank's slice of every layer. Pure data.</summary>
/// <remarks>Sizes that the ranks do not divide are cut as evenly as they can be: ranks differ by one head, or by one unit of the inner width or the vocabulary.</remarks>
/// <param name="Rank">Which slice, from 0.</param>
/// <param name="Count">How many slices there are, at least 1.</param>
internal sealed record Shard(int Rank, int Count)
{
    // Slices of matrices begin and end at whole cache lines and tiles of matrix products, where the size allows.
    private const int Unit = 64;

    /// <summary>Gets this rank's attention heads.</summary>
    public SliceRange Heads(BloomConfig config) => Cut(config.HeadCount, unit: 1);

    /// <summary>Gets this rank's part of the MLP's inner width.</summary>
    public SliceRange Inner(BloomConfig config) => Cut(config.InnerSize, UnitOf(config.InnerSize));

    /// <summary>Gets this rank's tokens: of the embedding and of the head.</summary>
    public SliceRange Vocabulary(BloomConfig config) => Cut(config.VocabularySize, UnitOf(config.VocabularySize));

    /// <summary>Gets the sizes of the model that this rank's heads, MLP and vocabulary would make.</summary>
    /// <remarks>Its hidden size is that of the rank's heads together, not that of the residual stream, which every rank has whole.</remarks>
    public BloomConfig View(BloomConfig config) => config with
    {
        HiddenSize = Heads(config).Count * config.HeadDim,
        HeadCount = Heads(config).Count,
        DeclaredInnerSize = Inner(config).Count,
        VocabularySize = Vocabulary(config).Count,
    };

    private SliceRange Cut(int size, int unit)
    {
        long units = size / unit;
        int first = (int)(units * Rank / Count) * unit;
        return new(first, ((int)(units * (Rank + 1) / Count) * unit) - first);
    }

    private int UnitOf(int size) => size % Unit == 0 && size / Unit >= Count ? Unit : 1;
}

/// <summary>Consecutive rows, columns or heads.</summary>
/// <param name="First">The first of them.</param>
/// <param name="Count">How many.</param>
internal readonly record struct SliceRange(int First, int Count)
{
    /// <summary>Gets the last of them.</summary>
    public int Last => First + Count - 1;
}
