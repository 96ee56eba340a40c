using static TorchSharp.torch;

namespace LocalBloom.AI.Model;

/// <summary>A step as one device's blocks see it. What every layer needs again is made once, when first asked for, and disposed with this.</summary>
/// <param name="segments">Which rows belong to which sequence.</param>
/// <param name="work">The buffers, as long as the step has rows.</param>
/// <param name="slopes">ALiBi's slopes, [heads, 1, 1], float32, on the device.</param>
internal sealed class StepContext(StepSegment[] segments, Workspace work, Tensor slopes) : IDisposable
{
    private readonly List<Tensor> _made = [];
    private readonly Tensor?[] _biases = new Tensor?[segments.Length];
    private readonly Tensor?[] _slots = new Tensor?[segments.Length];
    private Tensor? _places;
    private Tensor? _rows;
    private Tensor? _blocks;

    /// <summary>Gets which rows belong to which sequence.</summary>
    public StepSegment[] Segments => segments;

    /// <summary>Gets the buffers.</summary>
    public Workspace Work => work;

    /// <summary>Gets ALiBi's slopes, [heads, 1, 1], float32.</summary>
    public Tensor Slopes => slopes;

    /// <summary>Gets each row's place: its position, and where its sequence's blocks begin in <see cref="Blocks"/>. [rows, 2], int32.</summary>
    public Tensor Rows => _rows ??= OutOfLayer(() => Places.narrow(0, 0, 2 * RowCount).view(-1, 2));

    /// <summary>Gets the blocks of all sequences one after the other, [blocks], int32.</summary>
    public Tensor Blocks => _blocks ??= OutOfLayer(() => Places.narrow(0, 2 * RowCount, Places.size(0) - (2 * RowCount)));

    private int RowCount => segments.Sum(segment => segment.RowCount);

    // Rows, then blocks: one upload for both, because each waits for the device.
    private Tensor Places => _places ??= OutOfLayer(() =>
    {
        var rows = new List<int>();
        var blocks = new List<int>();
        foreach (StepSegment segment in segments)
        {
            for (int i = 0; i < segment.RowCount; i++)
            {
                rows.Add(segment.FirstPosition + i);
                rows.Add(blocks.Count);
            }

            blocks.AddRange(segment.Blocks.Take(LayerCache.BlockCount(segment.Length)));
        }

        return tensor([.. rows, .. blocks], ScalarType.Int32, slopes.device);
    });

    /// <summary>Gets ALiBi and the causal mask of a segment, [heads, rows, length], float32.</summary>
    public Tensor Bias(int segment) => _biases[segment] ??= OutOfLayer(() => Alibi.Bias(slopes, segments[segment]));

    /// <summary>Gets the cache slots of a segment's positions from 0 on, [length], int64.</summary>
    public Tensor Slots(int segment) => _slots[segment] ??= OutOfLayer(() =>
        tensor(Enumerable.Range(0, segments[segment].Length).Select(position => (long)segments[segment].SlotOf(position)).ToArray(), ScalarType.Int64, slopes.device));

    /// <inheritdoc/>
    public void Dispose() => _made.ForEach(made => made.Dispose());

    // Asked for inside a layer's scope, but kept for the step.
    private Tensor OutOfLayer(Func<Tensor> make)
    {
        Tensor made = make().DetachFromDisposeScope();
        _made.Add(made);
        return made;
    }
}
