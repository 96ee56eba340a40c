namespace LocalBloom.AI.Engine;

/// <summary>Where requests wait: the most urgent first, of equals the oldest. Safe for concurrent use.</summary>
/// <param name="capacity">How many may wait.</param>
internal sealed class RequestQueue(int capacity)
{
    private readonly object _lock = new(); // an object, and no Lock, because it is waited on
    private readonly List<Generation> _waiting = [];
    private bool _isClosed;

    /// <summary>Gets how many wait.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Adds a request.</summary>
    /// <returns>False once the queue takes no more.</returns>
    /// <exception cref="EngineBusyException">As many wait as may.</exception>
    public bool TryAdd(Generation generation)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return false;
            }

            if (_waiting.Count >= capacity && _waiting.RemoveAll(waiting => waiting.IsAbandoned) == 0)
            {
                throw new EngineBusyException(_waiting.Count);
            }

            int place = _waiting.FindIndex(waiting => waiting.Priority < generation.Priority);
            _waiting.Insert(place < 0 ? _waiting.Count : place, generation);
            Monitor.PulseAll(_lock);
            return true;
        }
    }

    /// <summary>Gets the request that goes next, and leaves it where it is.</summary>
    public Generation? Peek()
    {
        lock (_lock)
        {
            return _waiting.FirstOrDefault();
        }
    }

    /// <summary>Takes a request out.</summary>
    /// <returns>False where another thread has taken it out since it was seen, and ends it.</returns>
    public bool Remove(Generation generation)
    {
        lock (_lock)
        {
            return _waiting.Remove(generation);
        }
    }

    /// <summary>Takes out those that nobody waits for any more, or that are overdue.</summary>
    public IReadOnlyList<Generation> RemoveEnded()
    {
        lock (_lock)
        {
            Generation[] ended = [.. _waiting.Where(waiting => waiting.IsAbandoned || waiting.Overdue() is not null)];
            _waiting.RemoveAll(ended.Contains);
            return ended;
        }
    }

    /// <summary>Waits until there is a request, or the queue is closed.</summary>
    /// <returns>False once it takes no more and is empty.</returns>
    public bool Wait()
    {
        lock (_lock)
        {
            while (_waiting.Count == 0 && !_isClosed)
            {
                Monitor.Wait(_lock);
            }

            return _waiting.Count > 0;
        }
    }

    /// <summary>Takes no more requests; those that wait stay.</summary>
    public void StopAdding()
    {
        lock (_lock)
        {
            _isClosed = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Takes no more requests.</summary>
    /// <returns>Those that wait; they are taken out.</returns>
    public IReadOnlyList<Generation> Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            Generation[] waiting = [.. _waiting];
            _waiting.Clear();
            Monitor.PulseAll(_lock);
            return waiting;
        }
    }
}
