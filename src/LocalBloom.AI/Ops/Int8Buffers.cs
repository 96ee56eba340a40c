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
            Forget(_views.Keys);
            _rows = rows;
        }

        if (_views.TryGetValue((type, width), out Tensor? view))
        {
            return view;
        }

        if (!_buffers.TryGetValue(type, out Tensor? buffer) || buffer.NumberOfElements < rows * width)
        {
            Forget(_views.Keys.Where(key => key.Type == type)); // the caller may hold those of other types
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
        Forget(_views.Keys);
        foreach (Tensor buffer in _buffers.Values)
        {
            buffer.Dispose();
        }

        _buffers.Clear();
    }

    private void Forget(IEnumerable<(ScalarType Type, long Width)> keys)
    {
        foreach ((ScalarType Type, long Width) key in keys.ToArray())
        {
            _views.Remove(key, out Tensor? view);
            view!.Dispose();
        }
    }
}
