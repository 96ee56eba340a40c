using System.Collections.Frozen;
using System.Diagnostics;

namespace LocalBloom.AI.Engine;

/// <summary>What the engine is doing, as its thread last told. Safe to read from any thread.</summary>
internal sealed class EngineStatus
{
    private volatile FrozenDictionary<string, long> _deviceMemory = FrozenDictionary<string, long>.Empty;
    private volatile int _cacheBlocks;
    private volatile int _usedCacheBlocks;
    private volatile int _runningReplies;
    private long _steps;
    private long _streamedBytes;
    private long _stepStart;

    /// <summary>Gets the bytes held of each device; empty while no model is held.</summary>
    public IReadOnlyDictionary<string, long> DeviceMemory => _deviceMemory;

    /// <summary>Gets the bytes that each step copies from host memory to the devices.</summary>
    public long StreamedBytes => Volatile.Read(ref _streamedBytes);

    /// <summary>Gets how many blocks the cache has.</summary>
    public int CacheBlocks => _cacheBlocks;

    /// <summary>Gets how many of them are in use.</summary>
    public int UsedCacheBlocks => _usedCacheBlocks;

    /// <summary>Gets how many replies, and texts to embed, are being computed.</summary>
    public int RunningReplies => _runningReplies;

    /// <summary>Gets how many steps have ended, failed ones included.</summary>
    public long Steps => Volatile.Read(ref _steps);

    /// <summary>Gets for how long the step that is under way has been; null between steps. Once it is null, <see cref="Steps"/> counts the step.</summary>
    public TimeSpan? StepAge => Volatile.Read(ref _stepStart) is var start and not 0 ? Stopwatch.GetElapsedTime(start) : null;

    /// <summary>Notes that a model's memory was taken.</summary>
    public void Hold(LoadedModel model)
    {
        _deviceMemory = model.DeviceMemory.ToFrozenDictionary();
        _cacheBlocks = model.Plan.Footprint.CacheBlocks;
        Volatile.Write(ref _streamedBytes, model.Plan.StreamedBytes);
    }

    /// <summary>Notes that everything was given back.</summary>
    public void Release()
    {
        _runningReplies = _usedCacheBlocks = _cacheBlocks = 0;
        Volatile.Write(ref _stepStart, 0);
        _deviceMemory = FrozenDictionary<string, long>.Empty;
        Volatile.Write(ref _streamedBytes, 0);
    }

    /// <summary>Notes that a step is about to be chosen and computed.</summary>
    public void BeginStep() => Volatile.Write(ref _stepStart, Stopwatch.GetTimestamp());

    /// <summary>Notes what is under way between two steps.</summary>
    public void Note(Scheduler scheduler, CacheBlockPool pool, bool hasComputed)
    {
        _runningReplies = scheduler.Running.Sum(running => running.Sequences.Count);
        _usedCacheBlocks = pool.Count - pool.FreeCount;
        Volatile.Write(ref _steps, _steps + (hasComputed ? 1 : 0));
        Volatile.Write(ref _stepStart, 0);
    }
}
