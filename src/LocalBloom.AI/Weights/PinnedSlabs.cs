using LocalBloom.AI.Native;

namespace LocalBloom.AI.Weights;

/// <summary>Slabs in pinned memory, which a GPU copies without the processor.</summary>
/// <param name="cuda">The driver.</param>
/// <param name="device">The device's ordinal.</param>
/// <param name="bytes">A slab's size.</param>
internal sealed class PinnedSlabs(CudaStreams cuda, int device, long bytes) : ISlabMemory
{
    private readonly List<nint> _slabs = [];

    /// <inheritdoc/>
    public nint Allocate()
    {
        _slabs.Add(cuda.AllocatePinned(device, bytes));
        return _slabs[^1];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        nint[] slabs = [.. _slabs];
        _slabs.Clear();
        Disposal.AllOrThrow(slabs.Select(slab => (Action)(() => cuda.FreePinned(device, slab))));
    }
}
