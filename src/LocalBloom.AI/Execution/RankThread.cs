using static TorchSharp.torch;

namespace LocalBloom.AI.Execution;

/// <summary>A thread that computes for one rank: torch's inference mode and dispose scopes are a thread's own. Asked by one thread at a time.</summary>
internal sealed class RankThread : IDisposable
{
    private readonly SemaphoreSlim _asked = new(0);
    private readonly SemaphoreSlim _done = new(0);
    private readonly Thread _thread;
    private Action? _work;

    /// <summary>Initializes a new instance of the <see cref="RankThread"/> class and starts it.</summary>
    /// <param name="name">For debuggers.</param>
    public RankThread(string name)
    {
        _thread = new Thread(Run) { Name = name, IsBackground = true };
        _thread.UnsafeStart();
    }

    /// <summary>Has work done.</summary>
    /// <param name="work">Must not throw.</param>
    public void Start(Action work)
    {
        _work = work;
        _asked.Release();
    }

    /// <summary>Waits until the work is done.</summary>
    /// <param name="patience">How long.</param>
    /// <returns>Whether it was done in that time.</returns>
    public bool Wait(TimeSpan patience) => _done.Wait(patience);

    /// <summary>Ends the thread once it has completed what it does, without waiting for that.</summary>
    public void End()
    {
        _work = null;
        _asked.Release();
    }

    /// <summary>Ends the thread and waits for what it does to complete.</summary>
    public void Dispose()
    {
        End();
        _thread.Join();
        _asked.Dispose();
        _done.Dispose();
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

            using (NewDisposeScope())
            {
                work();
            }

            _done.Release();
        }
    }
}
