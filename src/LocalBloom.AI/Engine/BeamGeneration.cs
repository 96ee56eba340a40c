using LocalBloom.AI.Sampling;

namespace LocalBloom.AI.Engine;

/// <summary>Beam search: of all continuations of the replies followed so far, the most probable are followed further.</summary>
/// <remarks>
/// As transformers does it without early stopping: twice as many candidates as beams are looked at, so that replies that end leave enough;
/// an ended reply scores its log-probability divided by a power of its length; the search is over once no beam, scored as it stands, beats the worst kept.
/// </remarks>
internal sealed class BeamGeneration : TextGeneration
{
    private readonly int _beams;
    private readonly Dictionary<Sequence, List<SampledToken>> _paths = [];
    private readonly List<EndedReply> _ended = [];

    /// <summary>Initializes a new instance of the <see cref="BeamGeneration"/> class.</summary>
    public BeamGeneration(GenerationRequest request, ReplyLimits limits, TimeSpan? timeout, CancellationToken cancellationToken)
        : base(request, limits, timeout, cancellationToken)
    {
        _beams = Settings.BeamCount;
        var first = new Sequence(this, request.PromptIds);
        _paths[first] = [];
        Sequences.Add(first);
    }

    /// <inheritdoc/>
    public override int MaxSequences => _beams;

    /// <inheritdoc/>
    public override bool IsLockstep => true;

    /// <inheritdoc/>
    public override IEnumerable<(Sequence Sequence, SampleRequest Request)> Ask(Sequence sequence, int row, CacheBlockPool pool)
    {
        int candidates = Math.Max(2 * _beams, Settings.TopLogProbabilities ?? 0);
        yield return (sequence, new SampleRequest(
            row, Settings with { TopLogProbabilities = candidates }, sequence.Tokens, sequence.PromptLength, Banned(sequence), Point: 0));
    }

    /// <inheritdoc/>
    public override void Take(IReadOnlyList<(Sequence Sequence, SampledToken Token)> chosen, CacheBlockPool pool)
    {
        var candidates = chosen
            .Select(beam => (beam.Sequence, Top: beam.Token.Top!, Sum: Sum(_paths[beam.Sequence])))
            .SelectMany(beam => beam.Top.Take(2 * _beams).Select(next => (beam.Sequence, Next: next, beam.Top, Sum: beam.Sum + next.LogProbability)))
            .Where(candidate => !double.IsNegativeInfinity(candidate.Sum))
            .OrderByDescending(candidate => candidate.Sum)
            .Take(2 * _beams);
        var followed = new List<(Sequence Parent, List<SampledToken> Path)>();
        int rank = 0;
        foreach ((Sequence parent, TokenLogProbability next, IReadOnlyList<TokenLogProbability> top, _) in candidates)
        {
            IReadOnlyList<TokenLogProbability>? reported = Settings.TopLogProbabilities is { } count ? [.. top.Take(count)] : null;
            List<SampledToken> path = [.. _paths[parent], new SampledToken(next.TokenId, IsFinite: true, next.LogProbability, reported)];
            if (Ends(path))
            {
                if (rank < _beams)
                {
                    Keep(path);
                }
            }
            else if (followed.Count < _beams)
            {
                followed.Add((parent, path));
            }

            rank++;
        }

        if (followed.Count == 0 || IsOver(followed))
        {
            Finish(pool);
        }
        else
        {
            Follow(followed, pool);
        }
    }

    private static double Sum(List<SampledToken> path) => path.Sum(token => (double)token.LogProbability!.Value);

    private double Score(List<SampledToken> path) => Sum(path) / Math.Pow(path.Count, Settings.LengthPenalty);

    private bool Ends(List<SampledToken> path) =>
        Limits.EndTokens.Contains(path[^1].Id) || path.Count >= Limits.MaxNewTokens || (Limits.StopSequences.Count > 0 && Deltas(path, reply: 0)[^1].FinishReason is not null);

    private void Keep(List<SampledToken> path)
    {
        _ended.Add(new EndedReply(path, Score(path)));
        _ended.Sort((a, b) => b.Score.CompareTo(a.Score));
        if (_ended.Count > _beams)
        {
            _ended.RemoveAt(_beams);
        }
    }

    // Transformers' rule. With a length penalty above 0 a longer reply may yet score higher: it trades that chance for an end.
    private bool IsOver(List<(Sequence Parent, List<SampledToken> Path)> followed) =>
        _ended.Count == _beams && followed.Max(beam => Score(beam.Path)) <= _ended[^1].Score;

    private void Follow(List<(Sequence Parent, List<SampledToken> Path)> followed, CacheBlockPool pool)
    {
        Sequence[] parents = [.. Sequences];
        Sequences.Clear();
        _paths.Clear();
        foreach ((Sequence parent, List<SampledToken> path) in followed)
        {
            Sequence child = parent.Fork(pool);
            child.Tokens.Add(path[^1].Id);
            _paths[child] = path;
            Sequences.Add(child);
        }

        foreach (Sequence parent in parents)
        {
            parent.Release(pool);
        }
    }

    private void Finish(CacheBlockPool pool)
    {
        Sequences.ForEach(sequence => sequence.Release(pool));
        Sequences.Clear();
        foreach ((EndedReply ended, int reply) in _ended.Take(Settings.ReplyCount).Select((ended, i) => (ended, i)))
        {
            foreach (GenerationDelta delta in Deltas(ended.Path, reply))
            {
                Write(Settings.TopLogProbabilities is null ? delta with { LogProbability = null } : delta);
            }
        }

        CompleteOutput();
    }

    private GenerationDelta[] Deltas(List<SampledToken> path, int reply)
    {
        var text = new ReplyText(Limits, reply);
        return [.. path.Select(text.Append)];
    }

    private sealed record EndedReply(List<SampledToken> Path, double Score);
}
