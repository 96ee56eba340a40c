using static TorchSharp.torch;

namespace LocalBloom.AI.Model;

/// <summary>What one forward pass computes, as host data: the rows of one or several sequences, one after the other.</summary>
/// <param name="TokenIds">The token of each row, [rows].</param>
/// <param name="Segments">Which rows belong to which sequence, in order and without gaps.</param>
/// <param name="LogitRows">The rows whose logits are wanted, ascending.</param>
internal sealed record StepPlan(int[] TokenIds, StepSegment[] Segments, int[] LogitRows)
{
    /// <summary>Gets the cache blocks that are copied before anything is computed, in order.</summary>
    public BlockCopy[] Copies { get; init; } = [];

    /// <summary>Gets the segments whose last hidden states are summed, ascending.</summary>
    public int[] PooledSegments { get; init; } = [];
}

/// <summary>A cache block that becomes a copy of another, in every layer.</summary>
/// <param name="From">The block that is read.</param>
/// <param name="To">The block that is written.</param>
internal readonly record struct BlockCopy(int From, int To);

/// <summary>What a step gives, in the caller's dispose scope.</summary>
/// <param name="Logits">[logit rows, vocabulary], float32.</param>
/// <param name="Pooled">Sums over each pooled segment's rows of the hidden states after the last norm, [pooled segments, hidden], float32; null where none were asked for.</param>
internal sealed record StepOutput(Tensor Logits, Tensor? Pooled) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Logits.Dispose();
        Pooled?.Dispose();
    }
}

/// <summary>Consecutive tokens of one sequence in a step.</summary>
/// <param name="FirstRow">The first of its rows in the step.</param>
/// <param name="RowCount">How many tokens are computed.</param>
/// <param name="FirstPosition">The position of the first of them in the sequence: so many tokens are in the cache already.</param>
/// <param name="Blocks">The cache blocks of the sequence: position p is in slot <see cref="SlotOf"/>(p). At least enough for <see cref="Length"/>.</param>
internal readonly record struct StepSegment(int FirstRow, int RowCount, int FirstPosition, int[] Blocks)
{
    /// <summary>Gets the tokens that the sequence has after this step.</summary>
    public int Length => FirstPosition + RowCount;

    /// <summary>Gets a value indicating whether the sequence's slots follow each other in the cache.</summary>
    public bool IsContiguous
    {
        get
        {
            for (int i = 1; i < LayerCache.BlockCount(Length); i++)
            {
                if (Blocks[i] != Blocks[0] + i)
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Gets the cache slot of a position.</summary>
    public int SlotOf(int position) => (Blocks[position / LayerCache.BlockSize] * LayerCache.BlockSize) + (position % LayerCache.BlockSize);
}
