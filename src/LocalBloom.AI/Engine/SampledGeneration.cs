using LocalBloom.AI.Sampling;

namespace LocalBloom.AI.Engine;

/// <summary>One or several replies to a prompt, each drawn by itself.</summary>
internal sealed class SampledGeneration : TextGeneration
{
    private readonly Dictionary<Sequence, (ReplyText Text, Random Random)> _replies = [];

    /// <summary>Initializes a new instance of the <see cref="SampledGeneration"/> class.</summary>
    public SampledGeneration(GenerationRequest request, ReplyLimits limits, TimeSpan? timeout, CancellationToken cancellationToken)
        : base(request, limits, timeout, cancellationToken) => Add(new Sequence(this, request.PromptIds));

    /// <inheritdoc/>
    public override int MaxSequences => Settings.ReplyCount;

    /// <inheritdoc/>
    public override IEnumerable<(Sequence Sequence, SampleRequest Request)> Ask(Sequence sequence, int row, CacheBlockPool pool)
    {
        yield return (sequence, Request(sequence, row));
        while (sequence.NewTokens == 0 && _replies.Count < Settings.ReplyCount)
        {
            Sequence sibling = sequence.Fork(pool);
            Add(sibling);
            yield return (sibling, Request(sibling, row));
        }
    }

    /// <inheritdoc/>
    public override void Take(IReadOnlyList<(Sequence Sequence, SampledToken Token)> chosen, CacheBlockPool pool)
    {
        foreach ((Sequence sequence, SampledToken token) in chosen)
        {
            sequence.Tokens.Add(token.Id);
            GenerationDelta delta = _replies[sequence].Text.Append(token);
            Write(delta);
            if (delta.FinishReason is not null)
            {
                sequence.Release(pool);
                Sequences.Remove(sequence);
            }
        }

        if (Sequences.Count == 0)
        {
            CompleteOutput();
        }
    }

    private void Add(Sequence sequence)
    {
        _replies[sequence] = (new ReplyText(Limits, _replies.Count), RandomPoints.Create(Settings.Seed, _replies.Count));
        Sequences.Add(sequence);
    }

    private SampleRequest Request(Sequence sequence, int row) => new(
        row, Settings, sequence.Tokens, sequence.PromptLength, Banned(sequence), Settings.Temperature > 0 ? _replies[sequence].Random.NextDouble() : 0);
}
