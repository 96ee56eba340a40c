using System.Collections.Frozen;

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
        _deviceMemory = FrozenDictionary<string, long>.Empty;
        Volatile.Write(ref _streamedBytes, 0);
    }

    /// <summary>Notes what is under way between two steps.</summary>
    public void Note(Scheduler scheduler, CacheBlockPool pool, bool hasComputed)
    {
        _runningReplies = scheduler.Running.Sum(running => running.Sequences.Count);
        _usedCacheBlocks = pool.Count - pool.FreeCount;
        Volatile.Write(ref _steps, _steps + (hasComputed ? 1 : 0));
    }
}
