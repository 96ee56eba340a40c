using static TorchSharp.torch;

namespace LocalBloom.AI.Collectives;

/// <summary>A rank's own parts of two sums, used in turn. Belongs to the rank's thread.</summary>
/// <param name="parts">[2, rows, width], float32; another's.</param>
internal sealed class PartBuffers(Tensor parts) : IDisposable
{
    private readonly Tensor?[] _views = new Tensor?[2]; // kept from layer to layer: a step asks for the same rows again and again

    /// <summary>Gets which of the two is next.</summary>
    public int Turn { get; private set; }

    /// <summary>Gets the next part, valid until another number of rows is asked for.</summary>
    /// <param name="rows">How many rows.</param>
    /// <returns>[rows, width]; not the caller's to dispose.</returns>
    public Tensor Next(int rows)
    {
        if (_views[Turn] is { } view && view.size(0) == rows)
        {
            return view;
        }

        _views[Turn]?.Dispose();
        using Tensor buffer = parts[Turn];
        return _views[Turn] = buffer.narrow(0, 0, rows).DetachFromDisposeScope();
    }

    /// <summary>Goes on to the other one.</summary>
    public void Advance() => Turn ^= 1;

    /// <summary>Begins with the first.</summary>
    public void Reset() => Turn = 0;

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_views, view => view?.Dispose());
}
