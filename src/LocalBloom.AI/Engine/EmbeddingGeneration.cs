using LocalBloom.AI.Sampling;

namespace LocalBloom.AI.Engine;

/// <summary>A request for the mean of a text's last hidden states.</summary>
internal sealed class EmbeddingGeneration : Generation
{
    private readonly TaskCompletionSource<float[]> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _count;
    private float[]? _sum;

    /// <summary>Initializes a new instance of the <see cref="EmbeddingGeneration"/> class.</summary>
    public EmbeddingGeneration(IReadOnlyList<int> ids, TimeSpan? timeout, CancellationToken cancellationToken)
        : base(priority: 0, timeout, cancellationToken)
    {
        _count = ids.Count;
        Sequences.Add(new Sequence(this, ids));
    }

    /// <summary>Gets the mean, [hidden]. Safe from any thread.</summary>
    public Task<float[]> Result => _result.Task;

    /// <inheritdoc/>
    public override int PromptTokens => _count;

    /// <inheritdoc/>
    public override bool IsComplete => _result.Task.IsCompletedSuccessfully;

    /// <inheritdoc/>
    public override int MaxSequences => 1;

    /// <inheritdoc/>
    public override bool WantsHidden => true;

    /// <inheritdoc/>
    public override IEnumerable<(Sequence Sequence, SampleRequest Request)> Ask(Sequence sequence, int row, CacheBlockPool pool) => [];

    /// <inheritdoc/>
    public override void Take(IReadOnlyList<(Sequence Sequence, SampledToken Token)> chosen, CacheBlockPool pool)
    {
    }

    /// <inheritdoc/>
    public override void TakeHidden(Sequence sequence, int firstRow, float[] sum, CacheBlockPool pool)
    {
        // What was preempted begins again.
        _sum = firstRow == 0 ? sum : [.. _sum!.Zip(sum, (a, b) => a + b)];
        if (sequence.Pending > 0)
        {
            return;
        }

        sequence.Release(pool);
        Sequences.Clear();
        float[] mean = [.. _sum.Select(value => value / _count)];
        if (mean.All(float.IsFinite))
        {
            _result.TrySetResult(mean);
        }
        else
        {
            End(pool, new LocalBloomException(
                "The model's hidden states are not numbers. Either its weights are broken, or they overflow this number type: try BFloat16 or Float32."));
        }
    }

    /// <inheritdoc/>
    protected override void Complete(Exception error) =>
        _ = error is OperationCanceledException cancelled ? _result.TrySetCanceled(cancelled.CancellationToken) : _result.TrySetException(error);
}
