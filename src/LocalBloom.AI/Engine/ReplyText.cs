using LocalBloom.AI.Sampling;
using LocalBloom.AI.Text;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Engine;

/// <summary>Turns a reply's tokens into deltas, and knows where it ends.</summary>
/// <param name="limits">Where replies end.</param>
/// <param name="reply">The reply's number.</param>
internal sealed class ReplyText(ReplyLimits limits, int reply)
{
    private readonly TokenTextStream? _text = limits.Tokenizer is null ? null : new TokenTextStream(limits.Tokenizer);
    private readonly StopSequenceFilter _stops = new(limits.StopSequences);
    private int _tokens;

    /// <summary>Takes the next token.</summary>
    public GenerationDelta Append(SampledToken token)
    {
        _tokens++;
        bool isEnd = limits.EndTokens.Contains(token.Id);
        (string text, bool isStopped) = isEnd || _text is null ? ("", false) : _stops.Append(_text.Append(token.Id));
        bool isFull = _tokens >= limits.MaxNewTokens;
        if (!isStopped && (isEnd || isFull))
        {
            // What was held back for a character or a stop sequence that did not come; a last piece may still complete one.
            (string rest, isStopped) = _stops.Append(_text?.Flush() ?? "");
            text += rest + (isStopped ? "" : _stops.Flush());
        }

        ChatFinishReason? reason = isEnd || isStopped ? ChatFinishReason.Stop : isFull ? ChatFinishReason.Length : null;
        return new GenerationDelta(token.Id, text, reason) { Reply = reply, LogProbability = token.LogProbability, TopLogProbabilities = token.Top };
    }
}
