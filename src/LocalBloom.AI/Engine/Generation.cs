using LocalBloom.AI.Sampling;

namespace LocalBloom.AI.Engine;

/// <summary>A request on its way through the engine.</summary>
/// <remarks>
/// Belongs to the engine thread, but for <see cref="IsAbandoned"/>, <see cref="Abandon"/>, and what the caller may read to report how it ended:
/// <see cref="Timing"/>, <see cref="Error"/>, <see cref="PromptTokens"/> and <see cref="IsComplete"/>.
/// </remarks>
internal abstract class Generation(int priority, TimeSpan? timeout, CancellationToken cancellationToken)
{
    private volatile bool _isAbandoned;

    /// <summary>Gets how urgent it is; higher goes first.</summary>
    public int Priority => priority;

    /// <summary>Gets a value indicating whether nobody waits for more.</summary>
    public bool IsAbandoned => _isAbandoned || cancellationToken.IsCancellationRequested;

    /// <summary>Gets when it was asked for and when its tokens came.</summary>
    public TokenTiming Timing { get; } = new();

    /// <summary>Gets why it ended without a last result; null where it did not, and where the caller left before the engine noticed.</summary>
    public Exception? Error { get; private set; }

    /// <summary>Gets how many tokens the prompt, or the text to embed, has.</summary>
    public abstract int PromptTokens { get; }

    /// <summary>Gets a value indicating whether the caller has, or will read, all that was asked for.</summary>
    public abstract bool IsComplete { get; }

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
        timeout is { } allowed && Timing.Age >= allowed ? new GenerationTimeoutException(allowed, Sequences.Sum(sequence => sequence.NewTokens)) : null;

    /// <summary>Ends it without a last result, and gives all blocks back.</summary>
    /// <param name="pool">Where blocks go.</param>
    /// <param name="error">Why; null where the caller left.</param>
    public void End(CacheBlockPool pool, Exception? error)
    {
        Sequences.ForEach(sequence => sequence.Release(pool));
        Sequences.Clear();
        Error = error ?? new OperationCanceledException("The request was cancelled.", cancellationToken);
        Complete(Error);
    }

    /// <summary>Tells the caller why there is no more.</summary>
    protected abstract void Complete(Exception error);
}
