using LocalBloom.AI.Engine;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Options;

namespace LocalBloom.AI.Tests.Chat;

public class BloomChatClientTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Streaming_EveryUpdateCarriesTheSameIds()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(FakeGenerationEngine.Script("Pa", "", "ris", "")));

        List<ChatResponseUpdate> updates = await client.GetStreamingResponseAsync("Hi", cancellationToken: Token).ToListAsync(Token);

        Assert.Equal(["Pa", "ris", ""], updates.Select(update => update.Text));
        ChatResponseUpdate first = updates[0];
        Assert.False(string.IsNullOrEmpty(first.ResponseId));
        Assert.All(updates, update =>
        {
            Assert.Equal(first.ResponseId, update.ResponseId);
            Assert.Equal(first.ResponseId, update.MessageId);
            Assert.Equal("test/bloom", update.ModelId);
            Assert.Equal(ChatRole.Assistant, update.Role);
            Assert.NotNull(update.CreatedAt);
            Assert.Equal(first.CreatedAt, update.CreatedAt);
            Assert.Null(update.ConversationId);
        });
    }

    [Fact]
    public async Task Streaming_OnlyTheLastUpdateHasUsageAndReason()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(FakeGenerationEngine.Script("Pa", "", "ris")));

        List<ChatResponseUpdate> updates = await client.GetStreamingResponseAsync("Hi", cancellationToken: Token).ToListAsync(Token);

        UsageContent usage = Assert.Single(updates.SelectMany(update => update.Contents).OfType<UsageContent>());
        Assert.Contains(usage, updates[^1].Contents);
        Assert.Equal("[user]Hi".Length, usage.Details.InputTokenCount);
        Assert.Equal(3, usage.Details.OutputTokenCount);
        Assert.Equal("[user]Hi".Length + 3, usage.Details.TotalTokenCount);
        Assert.Equal(ChatFinishReason.Stop, updates[^1].FinishReason);
        Assert.All(updates.SkipLast(1), update => Assert.Null(update.FinishReason));
    }

    [Fact]
    public async Task GetResponse_IsTheFoldedStream()
    {
        GenerationDelta[] script = [new(1, "Pa", null), new(2, "ris", null), new(3, ".", ChatFinishReason.Length)];
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(script));

        ChatResponse response = await client.GetResponseAsync("Hi", cancellationToken: Token);
        List<ChatResponseUpdate> updates = await client.GetStreamingResponseAsync("Hi", cancellationToken: Token).ToListAsync(Token);

        ChatMessage message = Assert.Single(response.Messages);
        Assert.Equal("Paris.", Assert.IsType<TextContent>(Assert.Single(message.Contents)).Text);
        Assert.Equal(response.Text, string.Concat(updates.Select(update => update.Text)));
        Assert.Equal(ChatRole.Assistant, message.Role);
        Assert.Equal(response.ResponseId, message.MessageId);
        Assert.NotEqual(response.ResponseId, updates[0].ResponseId);
        Assert.Equal("test/bloom", response.ModelId);
        Assert.NotNull(response.CreatedAt);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal(3, response.Usage?.OutputTokenCount);
        Assert.Null(response.ConversationId);
    }

    [Fact]
    public async Task GetResponse_EmptyReply_IsOneMessageWithOneEmptyText()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(FakeGenerationEngine.Script("")));

        ChatResponse response = await client.GetResponseAsync("Hi", cancellationToken: Token);

        Assert.Equal("", Assert.IsType<TextContent>(Assert.Single(Assert.Single(response.Messages).Contents)).Text);
        Assert.Equal(1, response.Usage?.OutputTokenCount);
    }

    [Fact]
    public async Task History_TakesAStreamAsOneMessageWithOneText()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(FakeGenerationEngine.Script("a", "b", "c")));
        List<ChatMessage> history = [new(ChatRole.User, "Hi")];

        await history.AddMessagesAsync(client.GetStreamingResponseAsync(history, cancellationToken: Token), cancellationToken: Token);

        Assert.Equal(2, history.Count);
        Assert.Equal("abc", Assert.IsType<TextContent>(Assert.Single(history[1].Contents)).Text);
    }

    [Fact]
    public async Task Streaming_ReadsOptionsBeforeItReturns()
    {
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("ok"));
        using BloomChatClient client = ClientFactory.Create(engine);
        List<ChatMessage> history = [new(ChatRole.User, "Hi")];
        var options = new ChatOptions { MaxOutputTokens = 5 };

        IAsyncEnumerable<ChatResponseUpdate> stream = client.GetStreamingResponseAsync(history, options, Token);
        history.Clear();
        options.MaxOutputTokens = 6;
        await stream.ToListAsync(Token);

        Assert.Equal(5, engine.LastRequest.MaxNewTokens);
        Assert.Equal("[user]Hi", engine.LastPrompt);
    }

    [Fact]
    public async Task Model_IsLoadedByTheFirstRequest_NotBefore()
    {
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("ok"));
        using BloomChatClient client = ClientFactory.Create(engine);
        IAsyncEnumerable<ChatResponseUpdate> stream = client.GetStreamingResponseAsync("Hi", cancellationToken: Token);
        Assert.Equal(0, engine.Loads);

        await stream.ToListAsync(Token);

        Assert.Equal(1, engine.Loads);
    }

    [Fact]
    public async Task LoadAsync_ReportsProgress()
    {
        var engine = new FakeGenerationEngine();
        using BloomChatClient client = ClientFactory.Create(engine);
        var progress = new ListProgress();

        await client.LoadAsync(progress, Token);

        Assert.Equal(1, engine.Loads);
        Assert.Single(progress.Reports);
    }

    [Fact]
    public async Task Engine_EndsWithoutAReason_IsAnError()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(new GenerationDelta(1, "a", null)));

        await Assert.ThrowsAsync<LocalBloomException>(() => client.GetResponseAsync("Hi", cancellationToken: Token));
    }

    [Fact]
    public async Task Requests_RunConcurrentlyAndApart()
    {
        const int Count = 16;
        using var allArrived = new CountdownEvent(Count);
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var engine = new FakeGenerationEngine
        {
            Reply = request =>
            {
                if (allArrived.Signal())
                {
                    start.SetResult();
                }

                return FakeGenerationEngine.Script("re: ", FakeGenerationEngine.TextOf(request));
            },
            BeforeDelta = (_, token) => start.Task.WaitAsync(token),
        };
        using BloomChatClient client = ClientFactory.Create(engine);

        ChatResponse[] responses = await Task.WhenAll(
            Enumerable.Range(0, Count).Select(i => client.GetResponseAsync($"question {i}", cancellationToken: Token)));

        Assert.Equal(Enumerable.Range(0, Count).Select(i => $"re: [user]question {i}"), responses.Select(response => response.Text));
        Assert.Equal(Count, responses.Select(response => response.ResponseId).Distinct().Count());
    }

    [Fact]
    public void Metadata_NamesProviderAndModel()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine());

        var metadata = Assert.IsType<ChatClientMetadata>(client.GetService(typeof(ChatClientMetadata)));

        Assert.Equal("localbloom", metadata.ProviderName);
        Assert.Equal("test/bloom", metadata.DefaultModelId);
        Assert.Contains(".", metadata.ProviderUri?.Host, StringComparison.Ordinal); // what telemetry calls server.address
        Assert.Equal(0, metadata.ProviderUri?.Port);
    }

    [Fact]
    public void GetService_GivesClientAndEngine_AndNothingElse()
    {
        var engine = new FakeGenerationEngine();
        using BloomChatClient client = ClientFactory.Create(engine);

        Assert.Throws<ArgumentNullException>("serviceType", () => client.GetService(null!));
        Assert.Same(client, client.GetService(typeof(IChatClient)));
        Assert.Same(client, client.GetService(typeof(BloomChatClient)));
        Assert.Same(engine, client.GetService(typeof(IGenerationEngine)));
        Assert.Null(client.GetService(typeof(BloomEngine))); // the engine is not one
        Assert.Null(client.GetService(typeof(IChatClient), "key"));
        Assert.Null(client.GetService(typeof(BloomChatClientOptions)));
        Assert.Null(client.GetService(typeof(string)));
    }

    [Fact]
    public void GetService_GivesTheOwnEngine()
    {
        using var client = new BloomChatClient(new BloomChatClientOptions { Model = "test/bloom" });

        Assert.IsType<BloomEngine>(client.GetService(typeof(BloomEngine)));
    }

    [Fact]
    public void Constructor_OptionsThatCannotWork_Throws()
    {
        OptionsValidationException error = Assert.Throws<OptionsValidationException>(
            () => new BloomChatClient(new BloomChatClientOptions { Model = "m", Devices = ["gpu"] }));

        Assert.Contains("'gpu' is no device", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    public async Task Dispose_DisposesTheEngineOnlyIfOwned(bool ownsEngine, int disposals)
    {
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("ok"));
        BloomChatClient client = ClientFactory.Create(engine, ownsEngine);
        IAsyncEnumerable<ChatResponseUpdate> stream = client.GetStreamingResponseAsync("Hi", cancellationToken: Token);

        client.Dispose();
        client.Dispose();

        Assert.Equal(disposals, engine.Disposals);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hi", cancellationToken: Token));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.LoadAsync(cancellationToken: Token));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await stream.ToListAsync(Token));
        Assert.Throws<ObjectDisposedException>(() => client.GetStreamingResponseAsync("Hi", cancellationToken: Token));
    }

    private sealed class ListProgress : IProgress<LoadProgress>
    {
        public List<LoadProgress> Reports { get; } = [];

        public void Report(LoadProgress value) => Reports.Add(value);
    }
}
