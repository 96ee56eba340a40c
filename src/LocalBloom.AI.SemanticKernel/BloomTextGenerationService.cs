using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.Services;
using Microsoft.SemanticKernel.TextGeneration;
using TextContent = Microsoft.SemanticKernel.TextContent;

namespace LocalBloom.AI.SemanticKernel;

/// <summary>Continues prompts through a chat client whose template writes messages as they stand.</summary>
internal sealed class BloomTextGenerationService : ITextGenerationService
{
    private readonly IChatClient _client;
    private readonly string? _modelId;

    public BloomTextGenerationService(IChatClient client)
    {
        _client = client;
        _modelId = client.GetService<ChatClientMetadata>()?.DefaultModelId;
        Attributes = new Dictionary<string, object?> { [AIServiceExtensions.ModelIdKey] = _modelId };
    }

    public IReadOnlyDictionary<string, object?> Attributes { get; }

    public async Task<IReadOnlyList<TextContent>> GetTextContentsAsync(
        string prompt, PromptExecutionSettings? executionSettings = null, Kernel? kernel = null, CancellationToken cancellationToken = default)
    {
        ChatResponse response = await _client.GetResponseAsync(prompt, executionSettings.ToChatOptions(kernel), cancellationToken).ConfigureAwait(false);
        var metadata = new Dictionary<string, object?>
        {
            [nameof(response.FinishReason)] = response.FinishReason?.Value,
            [nameof(response.ResponseId)] = response.ResponseId,
            [nameof(response.Usage)] = response.Usage,
        };

        return [.. response.Messages.Select(message => new TextContent(message.Text, response.ModelId ?? _modelId, response, metadata: metadata))];
    }

    public async IAsyncEnumerable<StreamingTextContent> GetStreamingTextContentsAsync(
        string prompt,
        PromptExecutionSettings? executionSettings = null,
        Kernel? kernel = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var messageIds = new List<string?>(); // a request for several replies gets a message for each
        await foreach (ChatResponseUpdate update in
            _client.GetStreamingResponseAsync(prompt, executionSettings.ToChatOptions(kernel), cancellationToken).ConfigureAwait(false))
        {
            int choice = messageIds.IndexOf(update.MessageId);
            if (choice < 0)
            {
                choice = messageIds.Count;
                messageIds.Add(update.MessageId);
            }

            var metadata = new Dictionary<string, object?>
            {
                [nameof(update.FinishReason)] = update.FinishReason?.Value,
                [nameof(update.ResponseId)] = update.ResponseId,
                [nameof(ChatResponse.Usage)] = update.Contents.OfType<UsageContent>().FirstOrDefault()?.Details,
            };
            yield return new StreamingTextContent(update.Text, choice, update.ModelId ?? _modelId, update, metadata: metadata);
        }
    }
}
