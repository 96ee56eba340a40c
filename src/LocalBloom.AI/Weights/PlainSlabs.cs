using System.Runtime.InteropServices;
using LocalBloom.AI.Placement;

namespace LocalBloom.AI.Weights;

/// <summary>Slabs in plain memory, for a CPU.</summary>
/// <param name="device">For errors.</param>
/// <param name="bytes">A slab's size.</param>
internal sealed unsafe class PlainSlabs(BloomDevice device, long bytes) : ISlabMemory
{
    private readonly List<nint> _slabs = [];

    /// <inheritdoc/>
    public nint Allocate()
    {
        try
        {
            _slabs.Add((nint)NativeMemory.AlignedAlloc(checked((nuint)bytes), DeviceArena.Alignment));
            return _slabs[^1];
        }
        catch (OutOfMemoryException)
        {
            throw new PlacementException($"The host has no room for another {ByteSize.Format(bytes)}, in which layers wait that are not on {device}. Free memory, raise MemoryLimit, or use Int8.");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _slabs.ForEach(slab => NativeMemory.AlignedFree((void*)slab));
        _slabs.Clear();
    }
}
