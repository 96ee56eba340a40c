using Microsoft.Extensions.AI;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

#pragma warning disable MEAI001 // the reducers are experimental, and Microsoft's suite tests clients with them

namespace LocalBloom.AI.DemoModel.Tests;

/// <summary>What Microsoft's conformance suite asks of a chat client's answers and of pipelines around it, as far as a small reader of passages can.</summary>
public sealed class ConformanceTests(ConformanceTests.Model model) : IClassFixture<ConformanceTests.Model>
{
    private const string Passage =
        "The village of Holm lies on a small island in the Baltic Sea. It has 640 inhabitants and is known for its smoked fish. " +
        "The ferry to the mainland leaves every morning at 6:45.";

    private const string Question = $"{Passage}\n\nWhat is Holm known for?";
    private const string Answer = "its smoked fish";

    private static readonly ChatOptions s_drawn = new() { Temperature = 3, MaxOutputTokens = 16 };

    private readonly BloomChatClient _client = model.Client;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SingleMessage_IsAnswered() =>
        Assert.Equal(Answer, (await _client.GetResponseAsync(Question, cancellationToken: Cancellation)).Text);

    [Fact]
    public async Task SeveralMessages_AreAnsweredTogether()
    {
        ChatMessage[] conversation =
        [
            new(ChatRole.User, Question),
            new(ChatRole.Assistant, Answer),
            new(ChatRole.User, "When does the ferry leave?"),
        ];

        Assert.Contains("6:45", (await _client.GetResponseAsync(conversation, cancellationToken: Cancellation)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EmptyMessages_DoNotChangeTheAnswer()
    {
        ChatMessage[] conversation =
        [
            new(ChatRole.System, Array.Empty<AIContent>()),
            new(ChatRole.User, Array.Empty<AIContent>()),
            new(ChatRole.Assistant, Array.Empty<AIContent>()),
            new(ChatRole.User, Question),
        ];

        Assert.Equal(Answer, (await _client.GetResponseAsync(conversation, cancellationToken: Cancellation)).Text);
    }

    [Fact]
    public async Task Stream_SpellsTheAnswer_InMoreThanOneUpdate()
    {
        List<ChatResponseUpdate> updates = await _client.GetStreamingResponseAsync(Question, cancellationToken: Cancellation).ToListAsync(Cancellation);

        Assert.Equal(Answer, string.Concat(updates.Select(update => update.Text)));
        Assert.True(updates.Count(update => update.Text.Length > 0) > 1);
    }

    [Fact]
    public async Task Chinese_ComesInWholeCharacters()
    {
        const string Text = "云溪镇位于浙江省西部，人口约三万人。镇上的石桥建于1623年，是当地最有名的景点。";

        List<ChatResponseUpdate> updates = await _client.GetStreamingResponseAsync($"{Text}\n\n石桥建于哪一年？", cancellationToken: Cancellation).ToListAsync(Cancellation);

        Assert.All(updates, update => Assert.DoesNotContain('\uFFFD', update.Text));
        Assert.Equal("1623年", string.Concat(updates.Select(update => update.Text)));
    }

    [Fact]
    public async Task Drawn_WithoutASeed_Varies()
    {
        var texts = new HashSet<string>();
        for (int i = 0; i < 4; i++)
        {
            texts.Add((await _client.GetResponseAsync(Question, s_drawn, Cancellation)).Text);
        }

        Assert.True(texts.Count > 1, $"four replies at temperature 3, all of them '{texts.First()}'");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cache_AnswersTheSecondTime_AndOtherOptionsAnew(bool streaming)
    {
        int calls = 0;
        using IChatClient client = new ChatClientBuilder(new Shared(_client))
            .UseDistributedCache(Cache())
            .Use(inner => new Counting(inner, () => calls++))
            .Build();

        string first = await Ask(client, s_drawn, streaming);
        string second = await Ask(client, s_drawn, streaming);
        Assert.Equal(first, second);
        Assert.Equal(1, calls);

        ChatOptions others = s_drawn.Clone();
        others.Temperature = 2;
        await Ask(client, others, streaming);
        Assert.Equal(2, calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Log_HasPromptAndAnswer_AtTraceOnly(bool streaming)
    {
        var records = new RecordingLogger();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(records).SetMinimumLevel(LogLevel.Trace));
        using IChatClient client = new ChatClientBuilder(new Shared(_client)).UseLogging(factory).Build();

        await Ask(client, new ChatOptions(), streaming);

        string Of(Func<LogLevel, bool> level) => string.Join('\n', records.Entries.Where(entry => level(entry.Level)).Select(entry => entry.Text));
        Assert.Contains("What is Holm known for?", Of(level => level == LogLevel.Trace), StringComparison.Ordinal);
        Assert.Contains(streaming ? "fish" : Answer, Of(level => level == LogLevel.Trace), StringComparison.Ordinal);
        Assert.DoesNotContain("Holm", Of(level => level != LogLevel.Trace), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CountingReducer_KeepsTheLastTurn(bool streaming)
    {
        using IChatClient client = new ChatClientBuilder(new Shared(_client)).UseChatReducer(new MessageCountingChatReducer(1)).Build();
        ChatMessage[] conversation =
        [
            new(ChatRole.User, "Anna lives in Berlin.\n\nWhere does Anna live?"),
            new(ChatRole.Assistant, "Berlin"),
            new(ChatRole.User, Question),
        ];

        string text = streaming
            ? (await client.GetStreamingResponseAsync(conversation, cancellationToken: Cancellation).ToChatResponseAsync(Cancellation)).Text
            : (await client.GetResponseAsync(conversation, cancellationToken: Cancellation)).Text;

        Assert.Equal(Answer, text);
    }

    // The model cannot write a summary; but what it writes is put in place of the old turns, before the last question.
    [Fact]
    public async Task SummarizingReducer_AsksTheSameClient_AndTheLastTurnStays()
    {
        int calls = 0;
        ChatMessage[] last = [];
        using IChatClient counted = new Counting(new Shared(_client), () => calls++, seen => last = seen);
        using IChatClient client = new ChatClientBuilder(counted).UseChatReducer(new SummarizingChatReducer(counted, targetCount: 1, threshold: 0)).Build();
        ChatMessage[] conversation =
        [
            new(ChatRole.User, "Anna lives in Berlin.\n\nWhere does Anna live?"),
            new(ChatRole.Assistant, "Berlin"),
            new(ChatRole.User, "And where does Peter live?"),
            new(ChatRole.Assistant, "The passage does not say."),
            new(ChatRole.User, Question),
        ];

        ChatResponse response = await client.GetResponseAsync(conversation, cancellationToken: Cancellation);

        Assert.Equal(2, calls);
        Assert.False(string.IsNullOrEmpty(response.Text));
        Assert.Equal(Question, last[^1].Text);
        Assert.DoesNotContain(last, message => message.Text.Contains("Where does Anna live?", StringComparison.Ordinal));
    }

    [Fact]
    public async Task StructuredOutput_AndTools_AreRefusedByName()
    {
        NotSupportedException format = await Assert.ThrowsAsync<NotSupportedException>(() => _client.GetResponseAsync<int>(Question, cancellationToken: Cancellation));
        Assert.Contains("ResponseFormat", format.Message, StringComparison.Ordinal);

        AIFunction function = AIFunctionFactory.Create(() => 7, "seven");
        using IChatClient client = new ChatClientBuilder(new Shared(_client)).UseFunctionInvocation().Build();
        NotSupportedException tools = await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync(Question, new() { Tools = [function] }, Cancellation));
        Assert.Contains("Tools", tools.Message, StringComparison.Ordinal);
    }

    private static MemoryDistributedCache Cache() => new(Options.Create(new MemoryDistributedCacheOptions()));

    private static async Task<string> Ask(IChatClient client, ChatOptions options, bool streaming) => streaming
        ? (await client.GetStreamingResponseAsync(Question, options, Cancellation).ToChatResponseAsync(Cancellation)).Text
        : (await client.GetResponseAsync(Question, options, Cancellation)).Text;

    public sealed class Model : IAsyncLifetime
    {
        internal BloomChatClient Client { get; } = new(new BloomChatClientOptions { Devices = ["cpu"], NumberType = BloomNumberType.Float32 });

        public async ValueTask InitializeAsync() => await Client.LoadAsync();

        public ValueTask DisposeAsync()
        {
            Client.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    // A pipeline disposes its client; this one stays.
    private sealed class Shared(IChatClient inner) : DelegatingChatClient(inner)
    {
        protected override void Dispose(bool disposing) => base.Dispose(false);
    }

    private sealed class Counting(IChatClient inner, Action called, Action<ChatMessage[]>? saw = null) : DelegatingChatClient(inner)
    {
        public override Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
        {
            called();
            saw?.Invoke([.. messages]);
            return base.GetResponseAsync(messages, options, cancellationToken);
        }

        public override IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
        {
            called();
            return base.GetStreamingResponseAsync(messages, options, cancellationToken);
        }
    }

    private sealed class RecordingLogger : ILoggerProvider, ILogger
    {
        public List<(LogLevel Level, string Text)> Entries { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Entries.Add((logLevel, formatter(state, exception)));

        public void Dispose()
        {
        }
    }
}
