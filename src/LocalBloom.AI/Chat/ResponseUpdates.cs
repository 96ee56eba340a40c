using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>Makes the updates of one reply, which all carry the same ids so that they fold into one message.</summary>
/// <remarks>Of the additional properties, too: folding keeps the last update's value of each key, which is the complete one.</remarks>
internal sealed class ResponseUpdates(string modelId)
{
    private readonly string _id = Guid.NewGuid().ToString("N");
    private readonly DateTimeOffset _createdAt = DateTimeOffset.UtcNow;
    private bool _hasText;
    private int _toldTokens;

    /// <summary>Makes the update for text that became certain.</summary>
    /// <param name="text">The text.</param>
    /// <param name="likelihoods">The reply's tokens up to here, if asked for; the update tells those that earlier ones did not.</param>
    public ChatResponseUpdate Text(string text, IReadOnlyList<TokenLikelihood>? likelihoods)
    {
        _hasText = true;
        ChatResponseUpdate update = Create(new TextContent(text));
        if (likelihoods is not null)
        {
            update.AdditionalProperties = new() { [OptionKeys.LogProbabilities] = likelihoods.Skip(_toldTokens).ToArray() };
            _toldTokens = likelihoods.Count;
        }

        return update;
    }

    /// <summary>Makes the last update, which alone has the finish reason, the usage and what holds for the whole reply.</summary>
    public ChatResponseUpdate Last(
        ChatFinishReason finishReason, int promptTokens, int generatedTokens, AdditionalPropertiesDictionary properties)
    {
        var usage = new UsageContent(new UsageDetails
        {
            InputTokenCount = promptTokens,
            OutputTokenCount = generatedTokens,
            TotalTokenCount = (long)promptTokens + generatedTokens,
        });

        // An empty reply, too, is a message with one text.
        ChatResponseUpdate update = _hasText ? Create(usage) : Create(new TextContent(""), usage);
        update.FinishReason = finishReason;
        update.AdditionalProperties = properties.Count > 0 ? properties : null;
        return update;
    }

    private ChatResponseUpdate Create(params IList<AIContent> contents) => new(ChatRole.Assistant, contents)
    {
        ResponseId = _id,
        MessageId = _id,
        ModelId = modelId,
        CreatedAt = _createdAt,
    };
}
