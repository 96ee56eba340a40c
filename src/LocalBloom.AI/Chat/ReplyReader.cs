using LocalBloom.AI.Engine;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>Turns the engine's deltas into updates: those of a single reply as they come, those of the best of several at the end.</summary>
internal sealed class ReplyReader
{
    private readonly ChatRequest _request;
    private readonly EncodedPrompt _prompt;
    private readonly ResponseUpdates _updates;
    private readonly Reply[] _replies;

    /// <summary>Initializes a new instance of the <see cref="ReplyReader"/> class.</summary>
    public ReplyReader(ChatRequest request, EncodedPrompt prompt, IGenerationEngine engine)
    {
        _request = request;
        _prompt = prompt;
        _updates = new ResponseUpdates(engine.ModelId);
        _replies =
        [
            .. Enumerable.Range(0, request.Sampling.ReplyCount)
                .Select(_ => new Reply(engine, request.Template.TrimsReplyStart, request.IsScored, request.TellsLikelihoods)),
        ];
    }

    /// <summary>Gets the replies as far as they have come.</summary>
    public IEnumerable<string> Texts => _replies.Select(reply => reply.Text);

    /// <summary>Adds a token.</summary>
    /// <returns>An update, if there is text to tell.</returns>
    public ChatResponseUpdate? Add(GenerationDelta delta)
    {
        Reply reply = _replies[delta.Reply];
        string text = reply.Add(delta);
        return text.Length > 0 && _replies.Length == 1 ? _updates.Text(text, reply.Likelihoods) : null;
    }

    /// <summary>Ends the reading.</summary>
    /// <returns>The best of several replies, then what is said once.</returns>
    /// <exception cref="LocalBloomException">A reply has no end.</exception>
    public IEnumerable<ChatResponseUpdate> End()
    {
        (Reply Reply, ReplyCandidate Candidate)[] ended = [.. _replies.Select(reply => (reply, reply.Complete()))];
        if (_request.Sampling.BeamCount == 1)
        {
            ended = [.. ended.OrderByDescending(reply => reply.Candidate.LogProbability)]; // beams come in their order
        }

        (Reply best, ReplyCandidate candidate) = ended[0];
        if (ended.Length > 1 && candidate.Text.Length > 0)
        {
            yield return _updates.Text(candidate.Text, best.Likelihoods);
        }

        var properties = new AdditionalPropertiesDictionary();
        if (best.Likelihoods is { } likelihoods)
        {
            properties[OptionKeys.LogProbabilities] = likelihoods;
        }

        if (ended.Length > 1)
        {
            properties[OptionKeys.Replies] = ended.Select(reply => reply.Candidate).ToArray();
        }

        if (_prompt.DroppedMessages > 0)
        {
            properties[OptionKeys.DroppedMessages] = _prompt.DroppedMessages;
        }

        yield return _updates.Last(candidate.FinishReason, _prompt.Ids.Count, _replies.Sum(reply => reply.Tokens), properties);
    }
}
