using LocalBloom.AI.Weights;

namespace LocalBloom.AI.Testing;

/// <summary>Host memory that runs out after some slabs.</summary>
/// <param name="inner">Gives those that there are.</param>
/// <param name="count">How many there are.</param>
internal sealed class FailingSlabs(ISlabMemory inner, int count) : ISlabMemory
{
    /// <summary>Gets the slabs that were given.</summary>
    public List<nint> Given { get; } = [];

    public bool IsDisposed { get; private set; }

    public nint Allocate()
    {
        if (Given.Count == count)
        {
            throw new PlacementException($"No room for slab {count}.");
        }

        Given.Add(inner.Allocate());
        return Given[^1];
    }

    public void Dispose()
    {
        inner.Dispose();
        IsDisposed = true;
    }
}
