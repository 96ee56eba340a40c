using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;
using static TorchSharp.torch;

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
        string layerless = BloomTensors.IsOfLayer(name) ? name[(name.IndexOf('.', 2) + 1)..] : name;
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

    /// <summary>Gets which of consecutive rows of the whole tensor have a part in the slice.</summary>
    /// <param name="first">The first of the rows.</param>
    /// <param name="count">How many there are.</param>
    /// <returns>How many of them to skip, how many follow, and the number of the first of those in the slice; null where all are another rank's.</returns>
    public (long Skip, long Count, long Row)? RowsOf(long first, long count)
    {
        if (Dimension != 0)
        {
            return (0, count, first);
        }

        long begin = Math.Max(first, First);
        long end = Math.Min(first + count, First + Count);
        return begin < end ? (begin - first, end - begin, begin - First) : null;
    }

    /// <summary>Gets what of some rows lies in the slice.</summary>
    /// <param name="rows">Rows of the whole tensor.</param>
    /// <param name="skip">As <see cref="RowsOf"/> gives it.</param>
    /// <param name="count">As <see cref="RowsOf"/> gives it.</param>
    /// <returns>A view that the caller disposes.</returns>
    public Tensor Cut(Tensor rows, long skip, long count) => Dimension == 0 ? rows.narrow(0, skip, count) : rows.narrow(1, First, Count);

    /// <summary>Gets the slice's shape.</summary>
    /// <param name="shape">The whole tensor's.</param>
    public long[] ShapeOf(long[] shape)
    {
        long[] own = [.. shape];
        own[Dimension] = Count;
        return own;
    }
}
