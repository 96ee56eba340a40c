using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.SemanticKernel.Tests;

/// <summary>Replies with given texts, one message each, and keeps what it was asked.</summary>
internal sealed class RecordingChatClient(params string[] replies) : IChatClient
{
    public ChatOptions? Options { get; private set; }

    public string? Prompt { get; private set; }

    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await Task.CompletedTask;
        Options = options;
        Prompt = string.Join('|', messages.Select(message => message.Text));
        foreach (string reply in replies)
        {
            yield return new ChatResponseUpdate(ChatRole.Assistant, reply) { MessageId = reply, ResponseId = "response", FinishReason = ChatFinishReason.Stop };
        }
    }

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceType == typeof(ChatClientMetadata) ? new ChatClientMetadata("recording", defaultModelId: "recorder") : null;

    public void Dispose()
    {
    }
}
