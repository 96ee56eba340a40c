namespace LocalBloom.AI.Samples;

/// <summary>What Ctrl+C means: it cancels the reply that is being written, or else the program. Safe for concurrent use.</summary>
internal sealed class Interrupts : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _quit = new();
    private CancellationTokenSource? _reply;

    /// <summary>Gets the token that is cancelled when the program is to end.</summary>
    public CancellationToken Quit => _quit.Token;

    /// <summary>Takes one Ctrl+C. During a reply the first cancels that; the next one, like one at the prompt, asks the program to end.</summary>
    /// <returns><see langword="false"/> if the program was asked to end already and still runs: it is to be killed.</returns>
    public bool Press()
    {
        lock (_gate)
        {
            if (_reply is { IsCancellationRequested: false } reply)
            {
                _ = reply.CancelAsync(); // not here: a callback may want the lock
                return true;
            }

            bool isFirst = !_quit.IsCancellationRequested;
            _ = _quit.CancelAsync();
            return isFirst;
        }
    }

    /// <summary>Runs a reply that one Ctrl+C cancels.</summary>
    /// <returns><see langword="false"/> if it was cancelled.</returns>
    public async Task<bool> DuringReplyAsync(Func<CancellationToken, Task> reply)
    {
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(Quit);
        lock (_gate)
        {
            _reply = cancellation;
        }

        try
        {
            await reply(cancellation.Token);
            return true;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return false;
        }
        finally
        {
            lock (_gate)
            {
                _reply = null;
            }
        }
    }

    public void Dispose() => _quit.Dispose();
}
