using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace LocalBloom.AI.Execution;

/// <summary>A thread that computes for one rank: torch's inference mode and dispose scopes are a thread's own. Asked by one thread at a time.</summary>
[SuppressMessage("Design", "CA1001", Justification = "TryEnd gives back what it owns, once nothing uses it: a thread that is lost may come back.")]
internal sealed class RankThread
{
    private readonly SemaphoreSlim _asked = new(0);
    private readonly ManualResetEventSlim _isIdle = new(initialState: true);
    private readonly Thread _thread;
    private Action? _work;
    private bool _hasEnded;

    /// <summary>Initializes a new instance of the <see cref="RankThread"/> class and starts it.</summary>
    /// <param name="name">For debuggers.</param>
    public RankThread(string name)
    {
        _thread = new Thread(Run) { Name = name, IsBackground = true };
        _thread.UnsafeStart();
    }

    /// <summary>Gets what the last work threw; null where it went well, or is not done.</summary>
    public Exception? Error { get; private set; }

    /// <summary>Has work done.</summary>
    /// <param name="work">What it throws is kept: an exception that left the thread would end the process.</param>
    public void Start(Action work)
    {
        Error = null;
        _isIdle.Reset();
        _work = work;
        _asked.Release();
    }

    /// <summary>Waits until the work is done.</summary>
    /// <param name="patience">How long.</param>
    /// <returns>Whether it was done in that time.</returns>
    public bool Wait(TimeSpan patience) => _isIdle.Wait(patience);

    /// <summary>Ends the thread once it has completed what it does.</summary>
    /// <param name="patience">How long to wait for its work. One that is idle ends at once.</param>
    /// <returns>Whether it has ended; one that has not does so when it comes back, and may be asked again.</returns>
    public bool TryEnd(TimeSpan patience)
    {
        if (_hasEnded)
        {
            return true;
        }

        _work = null;
        _asked.Release();
        if (!_thread.Join(_isIdle.Wait(patience) ? Timeout.InfiniteTimeSpan : TimeSpan.Zero))
        {
            return false;
        }

        _asked.Dispose();
        _isIdle.Dispose();
        return _hasEnded = true;
    }

    private void Run()
    {
        using IDisposable inference = inference_mode();
        while (true)
        {
            _asked.Wait();
            if (_work is not { } work)
            {
                return;
            }

            try
            {
                using (NewDisposeScope())
                {
                    work();
                }
            }
            catch (Exception e)
            {
                Error = e;
            }

            _isIdle.Set();
        }
    }
}
