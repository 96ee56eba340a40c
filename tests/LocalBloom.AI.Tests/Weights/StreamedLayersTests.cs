using LocalBloom.AI.Weights;

namespace LocalBloom.AI.Tests.Weights;

/// <summary>The ring: no slot is overwritten while it is leased, and no lease has another layer's weights, whatever order layers are asked for in.</summary>
public class StreamedLayersTests
{
    private const int FirstLayer = 10; // as on a second device

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(7, 2)]
    [InlineData(8, 3)]
    public void Steps_CopyEachLayerOnce_AheadOfItsUse(int count, int slots)
    {
        var ring = new Ring(count, slots);
        ring.Step();
        int before = ring.Transfer.Fills;

        for (int step = 0; step < 5; step++)
        {
            for (int layer = 0; layer < count; layer++)
            {
                int started = ring.Transfer.Fills;
                using LayerLease lease = ring.Acquire(layer);
                Assert.Equal(started, ring.Transfer.Fills); // it was under way, across the end of a step, too
            }
        }

        Assert.Equal(5 * count, ring.Transfer.Fills - before);
    }

    [Fact]
    public void ResidentLayers_AreLeasedAsTheyAre_AndDisturbNothing()
    {
        LayerWeights stays = Weights();
        var transfer = new FakeTransfer(2);
        var layers = new StreamedLayers(new Dictionary<int, LayerWeights> { [0] = stays }, [(1, 1), (2, 2), (3, 3)], [Weights(), Weights()], transfer);
        int before = transfer.Fills;

        using LayerLease lease = layers.Acquire(0);

        Assert.Same(stays, lease.Weights);
        Assert.Equal(before, transfer.Fills);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(9, 2)]
    [InlineData(9, 4)]
    public void AnyOrder_GivesTheRightWeights(int count, int slots)
    {
        var random = new Random(20240607);
        var ring = new Ring(count, slots);
        for (int i = 0; i < 2000; i++)
        {
            // Mostly in order, now and then anywhere: a step that ended early, or begins late.
            int first = random.Next(count);
            for (int layer = first; layer < count && random.Next(20) != 0; layer++)
            {
                ring.Acquire(layer).Dispose();
            }
        }
    }

    [Fact]
    public void CopyThatFails_LeavesTheRingUsable()
    {
        var ring = new Ring(7, 2);
        var random = new Random(20240607);
        for (int i = 0; i < 500; i++)
        {
            ring.Transfer.FailsAt = random.Next(1, 12);
            try
            {
                ring.Step();
            }
            catch (IOException)
            {
                // The step ends here, its leases are released.
            }
        }

        ring.Transfer.FailsAt = null;
        ring.Step();
        ring.Step();
    }

    [Fact]
    public void LeasedSlots_AreKept_WhileOthersAreAskedFor()
    {
        var ring = new Ring(7, 3);
        using LayerLease held = ring.Acquire(0);

        for (int step = 0; step < 3; step++)
        {
            for (int layer = 1; layer < 7; layer++)
            {
                ring.Acquire(layer).Dispose();
                ring.AssertHolds(held, 0);
            }
        }
    }

    [Fact]
    public void LeasesBeyondTheRing_AreRefused()
    {
        var ring = new Ring(7, 2);
        using LayerLease first = ring.Acquire(0);
        Assert.Throws<InvalidOperationException>(() => ring.Acquire(0));
        using LayerLease second = ring.Acquire(4);

        Assert.Throws<InvalidOperationException>(() => ring.Acquire(5));
        ring.AssertHolds(first, 0);
        ring.AssertHolds(second, 4);
    }

    private static LayerWeights Weights() => new(null!, null!, null!, null!, null!, null!);

    private sealed class Ring
    {
        private readonly LayerWeights[] _slots;
        private readonly StreamedLayers _layers;
        private readonly int _count;

        public Ring(int count, int slots)
        {
            _count = count;
            Transfer = new FakeTransfer(slots);
            _slots = [.. Enumerable.Range(0, slots).Select(_ => Weights())];
            _layers = new StreamedLayers(new Dictionary<int, LayerWeights>(), [.. Enumerable.Range(0, count).Select(layer => (FirstLayer + layer, (nint)(1 + layer)))], _slots, Transfer);
        }

        public FakeTransfer Transfer { get; }

        public LayerLease Acquire(int layer)
        {
            LayerLease lease = _layers.Acquire(FirstLayer + layer);
            AssertHolds(lease, layer);
            return lease;
        }

        public void Step()
        {
            for (int layer = 0; layer < _count; layer++)
            {
                using LayerLease lease = Acquire(layer);
            }
        }

        public void AssertHolds(LayerLease lease, int layer) =>
            Assert.Equal(1 + layer, Transfer.Read(Array.FindIndex(_slots, slot => ReferenceEquals(slot, lease.Weights))));
    }

    /// <summary>Copies that are done no sooner than they are awaited.</summary>
    private sealed class FakeTransfer(int slots) : ISlabTransfer
    {
        private readonly nint[] _content = new nint[slots];
        private readonly nint?[] _copying = new nint?[slots];
        private readonly bool[] _isInUse = new bool[slots];

        public int Fills { get; private set; }

        /// <summary>Gets or sets after how many further copies one fails.</summary>
        public int? FailsAt { get; set; }

        public nint Read(int slot)
        {
            Assert.True(_isInUse[slot], "The slot is read without being awaited.");
            return _content[slot];
        }

        public void Store(int slot, nint slab) => Assert.Fail("Nothing is stored.");

        public void Fill(int slot, nint slab)
        {
            Assert.False(_isInUse[slot], "The slot is overwritten while it is leased.");
            if (FailsAt is { } left && (FailsAt = left - 1) == 0)
            {
                _copying[slot] = -1; // half of it
                throw new IOException("injected");
            }

            Fills++;
            _copying[slot] = slab;
        }

        public void Await(int slot)
        {
            _content[slot] = _copying[slot] ?? _content[slot];
            _copying[slot] = null;
            _isInUse[slot] = true;
        }

        public void Retire(int slot)
        {
            Assert.True(_isInUse[slot]);
            _isInUse[slot] = false;
        }

        public void Dispose()
        {
            // Nothing is held.
        }
    }
}
