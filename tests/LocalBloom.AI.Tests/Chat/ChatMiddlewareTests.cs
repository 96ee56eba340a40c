using System.Diagnostics;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Chat;

public class ChatMiddlewareTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task FunctionInvocation_WithoutTools_ChangesNothing()
    {
        using IChatClient client = CreateClient(builder => builder.UseFunctionInvocation());

        ChatResponse whole = await client.GetResponseAsync("Hi", cancellationToken: Token);
        ChatResponse streamed = await client.GetStreamingResponseAsync("Hi", cancellationToken: Token).ToChatResponseAsync(Token);

        Assert.Equal("Paris", whole.Text);
        Assert.Equal("Paris", streamed.Text);
        Assert.Equal(2, whole.Usage?.OutputTokenCount);
        Assert.Equal(2, streamed.Usage?.OutputTokenCount);
        Assert.IsType<TextContent>(Assert.Single(Assert.Single(streamed.Messages).Contents));
    }

    [Fact]
    public async Task FunctionInvocation_WithTools_SaysThatTheyAreNotSupported()
    {
        using IChatClient client = CreateClient(builder => builder.UseFunctionInvocation());
        var options = new ChatOptions { Tools = [AIFunctionFactory.Create(() => 42, "get_answer")] };

        NotSupportedException error = await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync("Hi", options, Token));

        Assert.Contains("get_answer", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task OpenTelemetry_SeesTokensAndAddress(bool streaming)
    {
        string source = Guid.NewGuid().ToString();
        var activities = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = candidate => candidate.Name == source,
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = activities.Add,
        };
        ActivitySource.AddActivityListener(listener);
        using IChatClient client = CreateClient(builder => builder.UseOpenTelemetry(sourceName: source));

        _ = streaming
            ? await client.GetStreamingResponseAsync("Hi", cancellationToken: Token).ToChatResponseAsync(Token)
            : await client.GetResponseAsync("Hi", cancellationToken: Token);

        Activity activity = Assert.Single(activities);
        Assert.StartsWith("chat", activity.DisplayName, StringComparison.Ordinal);
        Assert.Equal("127.0.0.1", activity.GetTagItem("server.address"));
        Assert.Equal(client.GetService<ChatClientMetadata>()?.ProviderUri?.Port, activity.GetTagItem("server.port"));
        Assert.Equal("[user]Hi".Length, Convert.ToInt32(activity.GetTagItem("gen_ai.usage.input_tokens"), provider: null));
        Assert.Equal(2, Convert.ToInt32(activity.GetTagItem("gen_ai.usage.output_tokens"), provider: null));
    }

    [Fact]
    public async Task Logging_ShowsPromptAndReply()
    {
        using var log = new RecordingLoggerFactory { Least = Microsoft.Extensions.Logging.LogLevel.Trace };
        using IChatClient client = CreateClient(builder => builder.UseLogging(log));

        await client.GetResponseAsync("What is the capital of France?", cancellationToken: Token);

        Assert.Contains(log.Entries, entry => entry.Text.Contains("capital of France", StringComparison.Ordinal));
        Assert.Contains(log.Entries, entry => entry.Text.Contains("Paris", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Pipeline_DisposesTheClientAndItsOwnEngineOnce()
    {
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("ok"));
        IChatClient client = ClientFactory.Create(engine, ownsEngine: true).AsBuilder().UseFunctionInvocation().UseOpenTelemetry().Build();
        await client.GetResponseAsync("Hi", cancellationToken: Token);

        client.Dispose();

        Assert.Equal(1, engine.Disposals);
    }

    private static IChatClient CreateClient(Func<ChatClientBuilder, ChatClientBuilder> stack) =>
        stack(ClientFactory.Create(new FakeGenerationEngine(FakeGenerationEngine.Script("Pa", "ris"))).AsBuilder()).Build();
}
