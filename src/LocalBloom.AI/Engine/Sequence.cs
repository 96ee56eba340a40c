using System.Threading.Channels;
using LocalBloom.AI.Sampling;
using LocalBloom.AI.Text;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Engine;

/// <summary>A request on its way: what has been generated, and the channel on which its caller reads.</summary>
/// <remarks>All but <see cref="Output"/> and <see cref="Abandon"/> belongs to the engine thread.</remarks>
internal sealed class Sequence
{
    private readonly CancellationToken _cancellationToken;
    private readonly Channel<GenerationDelta> _output = Channel.CreateUnbounded<GenerationDelta>(new() { SingleReader = true, SingleWriter = false });
    private readonly IReadOnlyList<int> _endTokens;
    private readonly int _maxNewTokens;
    private readonly TokenTextStream? _text;
    private readonly StopSequenceFilter _stops;
    private int _newTokens;
    private volatile bool _isAbandoned;

    /// <summary>Initializes a new instance of the <see cref="Sequence"/> class.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="tokenizer">Null for a model without text.</param>
    /// <param name="endTokens">Tokens that end a reply.</param>
    /// <param name="maxContextTokens">Where a reply ends at the latest.</param>
    /// <param name="cancellationToken">The caller's.</param>
    public Sequence(
        GenerationRequest request, BloomTokenizer? tokenizer, IReadOnlyList<int> endTokens, int maxContextTokens, CancellationToken cancellationToken)
    {
        _cancellationToken = cancellationToken;
        _endTokens = request.IgnoreEndOfSequence ? [] : endTokens;
        _maxNewTokens = Math.Min(request.MaxNewTokens, maxContextTokens - request.PromptIds.Count);
        _text = tokenizer is null ? null : new TokenTextStream(tokenizer);
        _stops = new StopSequenceFilter(request.StopSequences);
        PromptIds = [.. request.PromptIds];
        Sampler = new TokenSampler(request.Sampling, PromptIds);
    }

    /// <summary>Gets the prompt.</summary>
    public int[] PromptIds { get; }

    /// <summary>Gets what chooses tokens.</summary>
    public TokenSampler Sampler { get; }

    /// <summary>Gets where the caller reads deltas.</summary>
    public ChannelReader<GenerationDelta> Output => _output.Reader;

    /// <summary>Gets a value indicating whether nobody waits for more.</summary>
    public bool IsAbandoned => _isAbandoned || _cancellationToken.IsCancellationRequested;

    /// <summary>Says that the caller no longer reads. Safe from any thread.</summary>
    public void Abandon() => _isAbandoned = true;

    /// <summary>Takes a generated token and passes its text on.</summary>
    /// <returns>Whether the reply goes on.</returns>
    public bool Append(int id)
    {
        _newTokens++;
        bool isEnd = _endTokens.Contains(id);
        (string text, bool isStopped) = isEnd || _text is null ? ("", false) : _stops.Append(_text.Append(id));
        bool isFull = _newTokens >= _maxNewTokens;
        if (!isStopped && (isEnd || isFull))
        {
            // What was held back for a character or a stop sequence that did not come; a last piece may still complete one.
            (string rest, isStopped) = _stops.Append(_text?.Flush() ?? "");
            text += rest + (isStopped ? "" : _stops.Flush());
        }

        ChatFinishReason? reason = isEnd || isStopped ? ChatFinishReason.Stop : isFull ? ChatFinishReason.Length : null;
        _output.Writer.TryWrite(new GenerationDelta(id, text, reason));
        if (reason is not null)
        {
            _output.Writer.TryComplete();
        }

        return reason is null;
    }

    /// <summary>Ends the reply without a last delta.</summary>
    public void End(Exception? error = null) =>
        _output.Writer.TryComplete(error ?? new OperationCanceledException("The request was cancelled.", _cancellationToken));
}
