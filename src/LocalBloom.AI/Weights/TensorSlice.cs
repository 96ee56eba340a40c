using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;

namespace LocalBloom.AI.Weights;

/// <summary>The part of a tensor that a rank holds.</summary>
/// <param name="Dimension">0 where rows are cut, 1 where columns are.</param>
/// <param name="First">The first row or column.</param>
/// <param name="Count">How many.</param>
internal readonly record struct TensorSlice(int Dimension, long First, long Count)
{
    /// <summary>Gets a rank's part.</summary>
    /// <remarks>
    /// What widens the stream is cut by rows, so that a rank has whole heads and whole inner neurons; what comes back to the stream is cut by columns, so
    /// that the ranks' products add up. BLOOM interleaves its fused projection per head: a rank's heads are consecutive rows of it.
    /// </remarks>
    /// <param name="name">One of <see cref="BloomTensors.All"/>.</param>
    /// <param name="config">The whole model's sizes.</param>
    /// <param name="shard">The rank.</param>
    /// <returns>Null where every rank has all of it: norms, and biases that are added to the stream.</returns>
    public static TensorSlice? Of(string name, BloomConfig config, Shard shard)
    {
        string layerless = name.StartsWith("h.", StringComparison.Ordinal) ? name[(name.IndexOf('.', 2) + 1)..] : name;
        int headDim = config.HeadDim;
        return layerless switch
        {
            BloomTensors.Embedding or BloomTensors.Head => Rows(shard.Vocabulary(config), 1),
            "self_attention.query_key_value.weight" or "self_attention.query_key_value.bias" => Rows(shard.Heads(config), 3 * headDim),
            "self_attention.dense.weight" => Columns(shard.Heads(config), headDim),
            "mlp.dense_h_to_4h.weight" or "mlp.dense_h_to_4h.bias" => Rows(shard.Inner(config), 1),
            "mlp.dense_4h_to_h.weight" => Columns(shard.Inner(config), 1),
            _ => null,
        };

        static TensorSlice Rows(SliceRange range, long each) => new(0, range.First * each, range.Count * each);
        static TensorSlice Columns(SliceRange range, long each) => new(1, range.First * each, range.Count * each);
    }

    /// <summary>Gets the slice's shape.</summary>
    /// <param name="shape">The whole tensor's.</param>
    public long[] ShapeOf(long[] shape)
    {
        long[] own = [.. shape];
        own[Dimension] = Count;
        return own;
    }
}
