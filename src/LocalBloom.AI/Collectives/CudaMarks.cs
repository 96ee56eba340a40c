using LocalBloom.AI.Native;

namespace LocalBloom.AI.Collectives;

/// <summary>Marks by CUDA's events, in the legacy default stream.</summary>
internal sealed class CudaMarks : IDeviceMarks
{
    private readonly CudaStreams _cuda;
    private readonly int[] _devices;
    private readonly List<nint> _events = [];

    /// <summary>Initializes a new instance of the <see cref="CudaMarks"/> class.</summary>
    /// <param name="cuda">The driver.</param>
    /// <param name="devices">Each rank's device.</param>
    public CudaMarks(CudaStreams cuda, IReadOnlyList<int> devices)
    {
        (_cuda, _devices) = (cuda, [.. devices]);
        try
        {
            Array.ForEach(_devices, device => _events.Add(cuda.CreateEvent(device)));
        }
        catch
        {
            _ = Disposal.All(Steps()); // what made it fail is what counts
            throw;
        }
    }

    /// <inheritdoc/>
    public void Set(int rank) => _cuda.Record(_devices[rank], _events[rank], stream: 0);

    /// <inheritdoc/>
    public bool IsPassed(int rank) => _cuda.HasPassed(_devices[rank], _events[rank]);

    /// <inheritdoc/>
    public void Dispose() => Disposal.AllOrThrow(Steps());

    private Action[] Steps()
    {
        Action[] steps = [.. _events.Select((which, rank) => (Action)(() => _cuda.DestroyEvent(_devices[rank], which)))];
        _events.Clear();
        return steps;
    }
}
