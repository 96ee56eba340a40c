// Stand-in for the client that is being written elsewhere: enough for the command-line programs to build and be tried. Overwrite at merge.
#pragma warning disable CS1591
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI;

public sealed class BloomChatClient(BloomChatClientOptions options, ILoggerFactory? loggerFactory = null) : IChatClient
{
    private readonly BloomEngine _engine = new(options, loggerFactory);

    public Task LoadAsync(IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        _engine.LoadAsync(progress, cancellationToken);

    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await LoadAsync(null, cancellationToken).ConfigureAwait(false);
        var request = new GenerationRequest { PromptIds = [1, 2, 3], MaxNewTokens = options?.MaxOutputTokens ?? 20 };
        int count = 0;
        await foreach (GenerationDelta delta in _engine.GenerateAsync(request, cancellationToken).ConfigureAwait(false))
        {
            count++;
            yield return new ChatResponseUpdate(ChatRole.Assistant, delta.Text) { FinishReason = delta.FinishReason };
        }

        yield return new ChatResponseUpdate(
            ChatRole.Assistant, [new UsageContent(new UsageDetails { InputTokenCount = 170, OutputTokenCount = count, TotalTokenCount = 170 + count })]);
    }

    public object? GetService(Type serviceType, object? serviceKey = null) =>
        serviceType == typeof(BloomEngine) ? _engine : serviceType == typeof(BloomChatClient) ? this : null;

    public void Dispose() => _engine.Dispose();
}
