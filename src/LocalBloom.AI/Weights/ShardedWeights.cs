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
            return;
        }

        whole.Read(
            name,
            (row, rows) =>
            {
                if (slice.RowsOf(row, rows.shape[0]) is var (skip, count, first))
                {
                    using Tensor own = slice.Cut(rows, skip, count);
                    consume(first, own);
                }
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>The scales are those of whole rows, of which columns are only a part: the integers are right with no others.</remarks>
    public bool TryReadInt8(string name, Action<long, Tensor, Tensor> consume, CancellationToken cancellationToken)
    {
        if (TensorSlice.Of(name, Config, shard) is not { } slice)
        {
            return whole.TryReadInt8(name, consume, cancellationToken);
        }

        return whole.TryReadInt8(
            name,
            (row, rows, scales) =>
            {
                if (slice.RowsOf(row, rows.shape[0]) is var (skip, count, first))
                {
                    using Tensor own = slice.Cut(rows, skip, count);
                    using Tensor ownScales = scales.narrow(0, skip, count);
                    consume(first, own, ownScales);
                }
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The whole source is another's.
    }
}
