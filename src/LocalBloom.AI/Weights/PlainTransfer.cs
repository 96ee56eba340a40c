namespace LocalBloom.AI.Weights;

/// <summary>On a CPU: copies at once, for its work is done when a call returns.</summary>
/// <param name="slots">The slots' addresses.</param>
/// <param name="bytes">A slot's size.</param>
internal sealed unsafe class PlainTransfer(IReadOnlyList<nint> slots, long bytes) : ISlabTransfer
{
    /// <inheritdoc/>
    public void Store(int slot, nint slab) => Buffer.MemoryCopy((void*)slots[slot], (void*)slab, bytes, bytes);

    /// <inheritdoc/>
    public void Fill(int slot, nint slab) => Buffer.MemoryCopy((void*)slab, (void*)slots[slot], bytes, bytes);

    /// <inheritdoc/>
    public void Await(int slot)
    {
        // It is filled.
    }

    /// <inheritdoc/>
    public void Retire(int slot)
    {
        // It has been read.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is held.
    }
}
