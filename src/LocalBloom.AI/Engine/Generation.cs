using System.Diagnostics;
using LocalBloom.AI.Sampling;

namespace LocalBloom.AI.Engine;

/// <summary>A request on its way through the engine.</summary>
/// <remarks>All but <see cref="IsAbandoned"/> and <see cref="Abandon"/> belongs to the engine thread.</remarks>
internal abstract class Generation(int priority, TimeSpan? timeout, CancellationToken cancellationToken)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private volatile bool _isAbandoned;

    /// <summary>Gets how urgent it is; higher goes first.</summary>
    public int Priority => priority;

    /// <summary>Gets a value indicating whether nobody waits for more.</summary>
    public bool IsAbandoned => _isAbandoned || cancellationToken.IsCancellationRequested;

    /// <summary>Gets the time since it was asked for.</summary>
    public TimeSpan Age => Stopwatch.GetElapsedTime(_start);

    /// <summary>Gets the sequences that are being computed; empty once all is done.</summary>
    public List<Sequence> Sequences { get; } = [];

    /// <summary>Gets the most sequences that it has at once.</summary>
    public abstract int MaxSequences { get; }

    /// <summary>Gets a value indicating whether its sequences' next tokens are chosen together.</summary>
    public virtual bool IsLockstep => false;

    /// <summary>Gets a value indicating whether it wants the sum of the last hidden states of its rows, in place of tokens.</summary>
    public virtual bool WantsHidden => false;

    /// <summary>Says that the caller no longer reads. Safe from any thread.</summary>
    public void Abandon() => _isAbandoned = true;

    /// <summary>Asks for what comes next after a sequence's last token.</summary>
    /// <param name="sequence">One of <see cref="Sequences"/>, all of it computed.</param>
    /// <param name="row">Its row of logits.</param>
    /// <param name="pool">Where forks share blocks.</param>
    public abstract IEnumerable<(Sequence Sequence, SampleRequest Request)> Ask(Sequence sequence, int row, CacheBlockPool pool);

    /// <summary>Takes what was chosen for all requests of a step. Ended sequences are released and leave <see cref="Sequences"/>.</summary>
    public abstract void Take(IReadOnlyList<(Sequence Sequence, SampledToken Token)> chosen, CacheBlockPool pool);

    /// <summary>Takes the sum of the last hidden states of a sequence's rows.</summary>
    /// <param name="sequence">The sequence, <see cref="Sequence.Computed"/> up to date.</param>
    /// <param name="firstRow">The position of the first of the rows.</param>
    /// <param name="sum">[hidden].</param>
    /// <param name="pool">Where blocks go.</param>
    public virtual void TakeHidden(Sequence sequence, int firstRow, float[] sum, CacheBlockPool pool)
    {
    }

    /// <summary>Gets the error of a request that took too long; null while it has time.</summary>
    public GenerationTimeoutException? Overdue() =>
        timeout is { } allowed && Age >= allowed ? new GenerationTimeoutException(allowed, Sequences.Sum(sequence => sequence.NewTokens)) : null;

    /// <summary>Ends it without a last result, and gives all blocks back.</summary>
    /// <param name="pool">Where blocks go.</param>
    /// <param name="error">Why; null where the caller left.</param>
    public void End(CacheBlockPool pool, Exception? error)
    {
        Sequences.ForEach(sequence => sequence.Release(pool));
        Sequences.Clear();
        Complete(error ?? new OperationCanceledException("The request was cancelled.", cancellationToken));
    }

    /// <summary>Tells the caller why there is no more.</summary>
    protected abstract void Complete(Exception error);
}
