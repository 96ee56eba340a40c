using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;

namespace LocalBloom.AI.Latency;

/// <summary>Watches how much of CUDA devices' memory is taken from now on, by whoever takes it. The contexts are there before.</summary>
internal sealed class DeviceMemoryWatch : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(5); // torch keeps what it took, so that hardly a peak is shorter

    private readonly CudaDriver? _driver = CudaDriver.TryOpen();
    private readonly Dictionary<int, (long Before, long Least)> _free = [];
    private readonly CancellationTokenSource _ended = new();
    private readonly Thread? _thread;

    /// <param name="devices">Names; empty for all that there are.</param>
    public DeviceMemoryWatch(IReadOnlyList<string> devices)
    {
        int count = _driver?.DeviceCount ?? 0;
        IEnumerable<int> wanted = devices.Count == 0
            ? Enumerable.Range(0, count)
            : devices.Select(BloomDevice.Parse).Where(device => device.Kind is DeviceKind.Cuda && device.Index < count).Select(device => device.Index).Distinct();
        foreach (int device in wanted)
        {
            long free = _driver!.Memory(device).Free;
            _free[device] = (free, free);
        }

        if (_free.Count > 0)
        {
            _thread = new Thread(Watch) { IsBackground = true, Name = "memory watch" };
            _thread.Start();
        }
    }

    /// <summary>Gets the first device's ordinal; <see langword="null"/> where none is watched.</summary>
    public int? FirstDevice => _free.Count > 0 ? _free.Keys.First() : null;

    /// <summary>Ends the watch.</summary>
    /// <returns>The most bytes that were taken at once, by device.</returns>
    public IReadOnlyDictionary<string, long> Stop()
    {
        _ended.Cancel();
        _thread?.Join();
        return _free.ToDictionary(device => $"cuda:{device.Key}", device => device.Value.Before - device.Value.Least);
    }

    public void Dispose()
    {
        _ = Stop();
        _ended.Dispose();
    }

    private void Watch()
    {
        do
        {
            foreach (int device in _free.Keys.ToArray())
            {
                (long before, long least) = _free[device];
                _free[device] = (before, Math.Min(least, _driver!.Memory(device).Free));
            }
        }
        while (!_ended.Token.WaitHandle.WaitOne(s_interval));
    }
}
