using System.Threading.Channels;

namespace LocalBloom.AI.Engine;

/// <summary>A request for text: what sampled replies and beams have in common.</summary>
internal abstract class TextGeneration(GenerationRequest request, ReplyLimits limits, TimeSpan? timeout, CancellationToken cancellationToken)
    : Generation(request.Priority, request.Timeout ?? timeout, cancellationToken)
{
    private readonly Channel<GenerationDelta> _output = Channel.CreateUnbounded<GenerationDelta>(new() { SingleReader = true, SingleWriter = false });
    private volatile string _finishReasons = "";
    private volatile bool _isComplete;

    /// <summary>Gets where the caller reads. Safe from any thread.</summary>
    public ChannelReader<GenerationDelta> Output => _output.Reader;

    /// <summary>Gets the settings.</summary>
    protected SamplingSettings Settings { get; } = request.Sampling;

    /// <summary>Gets where replies end.</summary>
    protected ReplyLimits Limits => limits;

    /// <inheritdoc/>
    public override int PromptTokens => request.PromptIds.Count;

    /// <inheritdoc/>
    public override bool IsComplete => _isComplete;

    /// <summary>Gets why the replies ended that have, in the order of their ends.</summary>
    public string FinishReasons => _finishReasons;

    /// <summary>Makes the generation of the kind that a request asks for.</summary>
    public static TextGeneration Create(GenerationRequest request, ReplyLimits limits, TimeSpan? timeout, CancellationToken cancellationToken) =>
        request.Sampling.BeamCount > 1
            ? new BeamGeneration(request, limits, timeout, cancellationToken)
            : new SampledGeneration(request, limits, timeout, cancellationToken);

    /// <summary>Gives the caller a delta.</summary>
    protected void Write(GenerationDelta delta)
    {
        Timing.Add(delta.Reply);
        if (delta.FinishReason is { } reason)
        {
            _finishReasons += _finishReasons.Length == 0 ? reason.Value : $", {reason.Value}";
        }

        _output.Writer.TryWrite(delta);
    }

    /// <summary>Says that no delta follows.</summary>
    protected void CompleteOutput()
    {
        _isComplete = true;
        _output.Writer.TryComplete();
    }

    /// <summary>Gets the tokens that must not come next.</summary>
    protected IReadOnlyList<int> Banned(Sequence sequence) => sequence.NewTokens < Settings.MinNewTokens ? limits.EndTokens : [];

    /// <inheritdoc/>
    protected override void Complete(Exception error) => _output.Writer.TryComplete(error);
}
