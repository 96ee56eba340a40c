using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>A rank's slices of what another source gives whole; cut while they are read. The other source is not disposed.</summary>
/// <param name="whole">The whole model.</param>
/// <param name="shard">The rank.</param>
internal sealed class ShardedWeights(IWeightSource whole, Shard shard) : IWeightSource
{
    /// <inheritdoc/>
    public BloomConfig Config => whole.Config;

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes => whole.Notes;

    /// <inheritdoc/>
    public ScalarType StoredType => whole.StoredType;

    /// <inheritdoc/>
    public long[] ShapeOf(string name, long[] shape) => TensorSlice.Of(name, Config, shard)?.ShapeOf(shape) ?? shape;

    /// <inheritdoc/>
    public void Read(string name, Action<long, Tensor> consume, CancellationToken cancellationToken)
    {
        if (TensorSlice.Of(name, Config, shard) is not { } slice)
        {
            whole.Read(name, consume, cancellationToken);
        }
        else if (slice.Dimension == 0)
        {
            whole.Read(name, (row, rows) => ConsumeRows(slice, row, rows, consume), cancellationToken);
        }
        else
        {
            whole.Read(
                name,
                (row, rows) =>
                {
                    using Tensor columns = rows.narrow(1, slice.First, slice.Count);
                    consume(row, columns);
                },
                cancellationToken);
        }
    }

    private static void ConsumeRows(TensorSlice slice, long row, Tensor rows, Action<long, Tensor> consume)
    {
        long first = Math.Max(row, slice.First);
        long end = Math.Min(row + rows.shape[0], slice.First + slice.Count);
        if (first < end)
        {
            using Tensor own = rows.narrow(0, first - row, end - first);
            consume(first - slice.First, own);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The whole source is another's.
    }
}
