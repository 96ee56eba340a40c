using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Room for the integer products of a step, kept from one matrix to the next: asking torch for it each time would take longer than a product.</summary>
/// <remarks>Belongs to the engine thread.</remarks>
internal sealed class Int8Buffers : IDisposable
{
    private readonly Dictionary<(ScalarType Type, long Width), Tensor> _views = [];
    private readonly Dictionary<ScalarType, Tensor> _buffers = [];
    private long _rows;

    /// <summary>Gets a contiguous tensor whose content is undefined.</summary>
    /// <param name="type">One of each type is there at a time: the next of the same type takes its place.</param>
    /// <param name="rows">The step's.</param>
    /// <param name="width">Numbers in a row.</param>
    /// <param name="device">The device; always the same.</param>
    /// <returns>[rows, width]; owned by this.</returns>
    public Tensor Get(ScalarType type, long rows, long width, Device device)
    {
        if (rows != _rows)
        {
            Forget();
            _rows = rows;
        }

        if (_views.TryGetValue((type, width), out Tensor? view))
        {
            return view;
        }

        if (!_buffers.TryGetValue(type, out Tensor? buffer) || buffer.NumberOfElements < rows * width)
        {
            Forget();
            buffer?.Dispose();
            _buffers.Remove(type); // should there be no room for the new one
            _buffers[type] = buffer = empty([rows * width], type, device).DetachFromDisposeScope();
        }

        using Tensor part = buffer.narrow(0, 0, rows * width);
        return _views[(type, width)] = part.view(rows, width).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Forget();
        foreach (Tensor buffer in _buffers.Values)
        {
            buffer.Dispose();
        }

        _buffers.Clear();
    }

    private void Forget()
    {
        foreach (Tensor view in _views.Values)
        {
            view.Dispose();
        }

        _views.Clear();
    }
}
