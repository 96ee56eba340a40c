namespace LocalBloom.AI.Collectives;

/// <summary>Where the threads of all ranks wait for each other: never longer than they have patience. Safe for concurrent use.</summary>
/// <param name="ranks">How many there are.</param>
/// <param name="patience">How long one waits for the others.</param>
internal sealed class RankMeeting(int ranks, TimeSpan patience) : IDisposable
{
    private Barrier _barrier = new(ranks);
    private CancellationTokenSource _broken = new();

    /// <summary>Waits until all ranks are here.</summary>
    /// <exception cref="RankLostException">One did not come, or has failed.</exception>
    public void Meet()
    {
        try
        {
            if (!_barrier.SignalAndWait(patience, _broken.Token))
            {
                throw new RankLostException(RankLostException.NotAllCame(ranks, patience));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            throw new RankLostException(RankLostException.OtherFailed);
        }
    }

    /// <summary>Ends all waiting, until <see cref="Renew"/>. Does nothing once disposed: a rank may come late.</summary>
    public void Break()
    {
        try
        {
            _broken.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // Nobody waits any more.
        }
    }

    /// <summary>Begins anew. Nobody may be waiting.</summary>
    public void Renew()
    {
        Dispose();
        (_barrier, _broken) = (new Barrier(ranks), new CancellationTokenSource());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _barrier.Dispose();
        _broken.Dispose();
    }
}
