using System.Diagnostics;

namespace LocalBloom.AI.Collectives;

/// <summary>Watches over sums that devices compute: tells where one is not complete long after the host launched it. Safe for concurrent use.</summary>
/// <remarks>
/// The host may wait for a device meanwhile, which waits for another: so the watch has a timer. It ends by itself once all devices have come to the last
/// sum, whether or not anybody reads a result.
/// </remarks>
internal sealed class SumWatch : IDisposable
{
    private const int LooksPerPatience = 4;

    private readonly IDeviceMarks _marks;
    private readonly int _ranks;
    private readonly TimeSpan _patience;
    private readonly Action<string> _tell;
    private readonly Timer _timer;
    private readonly Lock _lock = new(); // never held while a driver is asked
    private long _last; // when something was launched last
    private bool _isArmed;
    private int _isLooking;

    /// <summary>Initializes a new instance of the <see cref="SumWatch"/> class.</summary>
    /// <param name="marks">Tell how far devices have come.</param>
    /// <param name="ranks">How many there are.</param>
    /// <param name="patience">How long after the last launch a device may take to complete all.</param>
    /// <param name="tell">Told why, on a thread of the pool, where one takes longer; throws nothing.</param>
    public SumWatch(IDeviceMarks marks, int ranks, TimeSpan patience, Action<string> tell)
    {
        (_marks, _ranks, _patience, _tell) = (marks, ranks, patience, tell);
        _timer = new Timer(_ => Look());
    }

    /// <summary>Says that a rank begins to launch a sum.</summary>
    public void Begin()
    {
        lock (_lock)
        {
            _last = Stopwatch.GetTimestamp();
            if (!_isArmed)
            {
                _isArmed = true;
                TimeSpan period = _patience / LooksPerPatience;
                _timer.Change(period, period);
            }
        }
    }

    /// <summary>Says that a rank has launched a sum.</summary>
    public void Launched(int rank)
    {
        _marks.Set(rank);
        Begin(); // the mark was not there before
    }

    /// <summary>Says that all sums are known to be complete.</summary>
    public void Confirmed()
    {
        lock (_lock)
        {
            Disarm();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using var isOver = new ManualResetEvent(initialState: false);
        if (_timer.Dispose(isOver))
        {
            isOver.WaitOne(_patience); // a look uses marks
        }
    }

    private void Look()
    {
        (bool isArmed, long last) = Read();
        bool isOverdue = isArmed && Stopwatch.GetElapsedTime(last) > _patience;
        if (Interlocked.Exchange(ref _isLooking, 1) != 0)
        {
            // An earlier look has no answer yet: the driver itself waits, with whoever launches.
            TellIf(isOverdue, "The driver does not answer");
            return;
        }

        try
        {
            if (isArmed && Enumerable.Range(0, _ranks).All(_marks.IsPassed))
            {
                DisarmUnlessLaunchedSince(last);
            }
            else
            {
                TellIf(isOverdue, $"A GPU has not completed a sum over all within {_patience.TotalSeconds:0.##} s");
            }
        }
        catch (LocalBloomException e)
        {
            TellIf(isTrue: true, e.Message.TrimEnd('.'));
        }
        finally
        {
            Volatile.Write(ref _isLooking, 0);
        }
    }

    private (bool IsArmed, long Last) Read()
    {
        lock (_lock)
        {
            return (_isArmed, _last);
        }
    }

    private void TellIf(bool isTrue, string what)
    {
        if (isTrue)
        {
            Confirmed();
            _tell($"{what}; the step ends. Where it happens again, a GPU is lost or busy with other work: leave it out of Devices.");
        }
    }

    private void DisarmUnlessLaunchedSince(long last)
    {
        lock (_lock)
        {
            if (_last == last)
            {
                Disarm();
            }
        }
    }

    private void Disarm()
    {
        if (_isArmed)
        {
            _isArmed = false;
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
