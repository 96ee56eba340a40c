using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Samples;

/// <summary>A model whose replies are given; it keeps what it was asked.</summary>
internal sealed class ScriptedModel(params Func<CancellationToken, IAsyncEnumerable<ChatResponseUpdate>>[] replies) : IChatClient
{
    private readonly Queue<Func<CancellationToken, IAsyncEnumerable<ChatResponseUpdate>>> _replies = new(replies);

    public List<string[]> Asked { get; } = [];

    public static Func<CancellationToken, IAsyncEnumerable<ChatResponseUpdate>> Says(
        string text, int promptTokens = 10, ChatFinishReason? finishReason = null) => _ => SayAsync(text, promptTokens, finishReason);

    public static Func<CancellationToken, IAsyncEnumerable<ChatResponseUpdate>> Fails(Exception e) => _ => FailAsync(e);

    /// <summary>Says a word, calls somebody, and then goes on for ever.</summary>
    public static Func<CancellationToken, IAsyncEnumerable<ChatResponseUpdate>> Rambles(string word, Action then) => token => RambleAsync(word, then, token);

    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        Asked.Add([.. messages.Select(message => $"{message.Role}: {message.Text}")]);
        return _replies.Dequeue()(cancellationToken);
    }

    public object? GetService(Type serviceType, object? serviceKey = null) => null;

    public void Dispose()
    {
    }

    private static async IAsyncEnumerable<ChatResponseUpdate> SayAsync(string text, int promptTokens, ChatFinishReason? finishReason)
    {
        foreach (char c in text)
        {
            yield return new(ChatRole.Assistant, c.ToString());
        }

        await Task.CompletedTask;
        var usage = new UsageDetails { InputTokenCount = promptTokens, OutputTokenCount = text.Length };
        yield return new() { FinishReason = finishReason ?? ChatFinishReason.Stop, Contents = [new UsageContent(usage)] };
    }

    private static async IAsyncEnumerable<ChatResponseUpdate> FailAsync(Exception e)
    {
        yield return await Task.FromException<ChatResponseUpdate>(e);
    }

    private static async IAsyncEnumerable<ChatResponseUpdate> RambleAsync(
        string word, Action then, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new(ChatRole.Assistant, word);
        then();
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }
}
