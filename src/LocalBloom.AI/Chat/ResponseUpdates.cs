using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>Makes the updates of one reply, which all carry the same ids so that they fold into one message.</summary>
internal sealed class ResponseUpdates(string modelId)
{
    private readonly string _id = Guid.NewGuid().ToString("N");
    private readonly DateTimeOffset _createdAt = DateTimeOffset.UtcNow;
    private bool _hasText;

    /// <summary>Makes the update for text that became certain.</summary>
    public ChatResponseUpdate Text(string text)
    {
        _hasText = true;
        return Create(new TextContent(text));
    }

    /// <summary>Makes the last update, which alone has the finish reason and the usage.</summary>
    public ChatResponseUpdate Last(ChatFinishReason finishReason, int promptTokens, int generatedTokens)
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
