using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Chat;

public class CancellationTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cancelled_BeforeTheStart_ThrowsAndTouchesNothing()
    {
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("ok"));
        using BloomChatClient client = ClientFactory.Create(engine);
        var cancelled = new CancellationToken(canceled: true);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync("Hi", cancellationToken: cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await client.GetStreamingResponseAsync("Hi", cancellationToken: cancelled).ToListAsync(Token));

        Assert.Equal(0, engine.Loads);
        Assert.Empty(engine.Requests);
    }

    [Theory]
    [InlineData(true, "a", "b", "c")]
    [InlineData(false, "a", "b", "c")] // even an engine that ends quietly must not make a cancelled reply look whole
    [InlineData(false, "a")]
    public async Task Cancelled_MidStream_Throws(bool engineHonoursIt, params string[] texts)
    {
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script(texts));
        if (!engineHonoursIt)
        {
            engine.BeforeDelta = (_, _) => Task.CompletedTask;
        }

        using BloomChatClient client = ClientFactory.Create(engine);
        using var cancellation = new CancellationTokenSource();
        int updates = 0;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            IAsyncEnumerable<ChatResponseUpdate> stream = client.GetStreamingResponseAsync("Hi", cancellationToken: Token);
            await foreach (ChatResponseUpdate _ in stream.WithCancellation(cancellation.Token))
            {
                updates++;
                await cancellation.CancelAsync();
            }
        });

        Assert.Equal(1, updates);
    }

    [Fact]
    public async Task Cancelled_WhileGenerating_ThrowsFromGetResponse()
    {
        using var cancellation = new CancellationTokenSource();
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("a", "b"))
        {
            BeforeDelta = async (_, token) =>
            {
                await cancellation.CancelAsync();
                await Task.Delay(Timeout.Infinite, token);
            },
        };
        using BloomChatClient client = ClientFactory.Create(engine);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync("Hi", cancellationToken: cancellation.Token));
    }
}
