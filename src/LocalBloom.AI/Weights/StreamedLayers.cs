namespace LocalBloom.AI.Weights;

/// <summary>Layers of which some stay on their device and the others come through a ring of slots, each ahead of its use.</summary>
/// <remarks>
/// The streamed ones follow each other in a circle: after the last comes the first, which the next step needs. Whatever order they are asked for in, each
/// lease has its own layer's weights; another order than the circle's only waits longer. Belongs to the engine thread.
/// </remarks>
internal sealed class StreamedLayers : ILayerResidency
{
    private const int Nothing = -1;

    private readonly IReadOnlyDictionary<int, LayerWeights> _resident;
    private readonly IReadOnlyList<nint> _slabs;
    private readonly Dictionary<int, int> _positions; // in the circle, by layer
    private readonly Slot[] _slots;
    private readonly ISlabTransfer _transfer;

    /// <summary>Initializes a new instance of the <see cref="StreamedLayers"/> class, starting the first copies.</summary>
    /// <param name="resident">Layers that stay, by number.</param>
    /// <param name="streamed">The numbers and slabs of the others, in the order of use.</param>
    /// <param name="slots">The ring: weights whose memory is filled by <paramref name="transfer"/>.</param>
    /// <param name="transfer">Copies; not disposed here.</param>
    public StreamedLayers(
        IReadOnlyDictionary<int, LayerWeights> resident,
        IReadOnlyList<(int Layer, nint Slab)> streamed,
        IReadOnlyList<LayerWeights> slots,
        ISlabTransfer transfer)
    {
        _resident = resident;
        _slabs = [.. streamed.Select(layer => layer.Slab)];
        _positions = streamed.Select((layer, position) => (layer.Layer, position)).ToDictionary();
        _slots = [.. slots.Select((weights, i) => new Slot(weights, () => Release(i)))];
        _transfer = transfer;
        Prefetch(after: Nothing);
    }

    /// <inheritdoc/>
    public LayerLease Acquire(int layer)
    {
        if (_resident.TryGetValue(layer, out LayerWeights? weights))
        {
            return new LayerLease(weights);
        }

        int position = _positions[layer];
        int at = Holder(position);
        if (at < 0)
        {
            at = Farthest(position);
            Fill(at, position);
        }

        Slot slot = _slots[at];
        if (slot.IsLeased)
        {
            throw new InvalidOperationException($"Layer {layer} is leased already.");
        }

        _transfer.Await(at);
        slot.IsLeased = true;
        return new LayerLease(slot.Weights, slot.Release);
    }

    private void Release(int at)
    {
        Slot slot = _slots[at];
        if (slot.IsLeased)
        {
            slot.IsLeased = false;
            _transfer.Retire(at);
            Prefetch(slot.Position);
        }
    }

    // Has the ring hold what comes next.
    private void Prefetch(int after)
    {
        for (int ahead = 1; ahead <= _slots.Length; ahead++)
        {
            int wanted = (after + ahead) % _slabs.Count;
            if (Holder(wanted) >= 0)
            {
                continue;
            }

            int at = Array.FindIndex(_slots, slot => !slot.IsLeased && Distance(slot, after + 1) >= _slots.Length);
            if (at < 0)
            {
                return;
            }

            Fill(at, wanted);
        }
    }

    private void Fill(int at, int position)
    {
        _slots[at].Position = Nothing; // should the copy fail
        _transfer.Fill(at, _slabs[position]);
        _slots[at].Position = position;
    }

    private int Holder(int position) => Array.FindIndex(_slots, slot => slot.Position == position);

    // The slot whose layer is needed last, from a position on.
    private int Farthest(int position)
    {
        int[] free = [.. Enumerable.Range(0, _slots.Length).Where(i => !_slots[i].IsLeased)];
        return free.Length > 0
            ? free.MaxBy(i => Distance(_slots[i], position))
            : throw new InvalidOperationException($"All {_slots.Length} slots are leased.");
    }

    // How many streamed layers are used before a slot's own, from a position on.
    private int Distance(Slot slot, int position) =>
        slot.Position == Nothing ? int.MaxValue : (slot.Position - position + (2 * _slabs.Count)) % _slabs.Count;

    private sealed class Slot(LayerWeights weights, Action release)
    {
        public LayerWeights Weights => weights;

        public Action Release => release;

        public int Position { get; set; } = Nothing;

        public bool IsLeased { get; set; }
    }
}
