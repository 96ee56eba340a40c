using System.Diagnostics;
using LocalBloom.AI.Engine;
using LocalBloom.AI.Testing;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Chat;

/// <summary>What Microsoft's own conformance suite asks of any chat client, and what it leaves out, on a real model from disk.</summary>
/// <remarks>The model's text is noise: what counts is the structure of replies.</remarks>
public sealed class ConformanceTests(ConformanceTests.Model model) : IClassFixture<ConformanceTests.Model>
{
    private const string Prompt = "The capital of France is";

    private static readonly ChatOptions s_short = new() { MaxOutputTokens = 12 };

    private readonly BloomChatClient _client = model.Client;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Usage_CountsWhatWasEncodedAndGenerated()
    {
        ChatResponse response = await _client.GetResponseAsync(Prompt, s_short, Cancellation);

        Assert.Equal(Encode(new PromptPart(Prompt)).Count, response.Usage?.InputTokenCount);
        Assert.Equal(12, response.Usage?.OutputTokenCount);
        Assert.Equal(response.Usage?.InputTokenCount + response.Usage?.OutputTokenCount, response.Usage?.TotalTokenCount);
    }

    [Fact]
    public async Task Usage_ComesOnceInAStream_AtItsEnd()
    {
        List<ChatResponseUpdate> updates = await Stream(_client, Prompt, s_short);

        Assert.True(updates.Count > 1);
        UsageContent usage = Assert.Single(updates.SelectMany(update => update.Contents).OfType<UsageContent>());
        Assert.Contains(usage, updates[^1].Contents);
        Assert.True(usage.Details.InputTokenCount > 1);
        Assert.Equal(12, usage.Details.OutputTokenCount);
        Assert.Equal(usage.Details.InputTokenCount + usage.Details.OutputTokenCount, usage.Details.TotalTokenCount);
        Assert.All(updates.SkipLast(1), update => Assert.Null(update.FinishReason));
        Assert.Equal(ChatFinishReason.Length, updates[^1].FinishReason);
    }

    [Fact]
    public async Task Ids_AreTheSameThroughAReply_AndOthersInTheNext()
    {
        DateTimeOffset before = DateTimeOffset.UtcNow;
        List<ChatResponseUpdate> first = await Stream(_client, Prompt, s_short);
        List<ChatResponseUpdate> second = await Stream(_client, Prompt, s_short);
        ChatResponse whole = await _client.GetResponseAsync(Prompt, s_short, Cancellation);

        foreach (List<ChatResponseUpdate> updates in new[] { first, second })
        {
            Assert.All(updates, update => Assert.Equal(ChatRole.Assistant, update.Role));
            Assert.False(string.IsNullOrEmpty(Assert.Single(updates.Select(update => update.ResponseId).Distinct())));
            Assert.False(string.IsNullOrEmpty(Assert.Single(updates.Select(update => update.MessageId).Distinct())));
            Assert.InRange(Assert.Single(updates.Select(update => update.CreatedAt).Distinct())!.Value, before, DateTimeOffset.UtcNow);
            Assert.Equal(_client.GetService<ChatClientMetadata>()?.DefaultModelId, Assert.Single(updates.Select(update => update.ModelId).Distinct()));
        }

        Assert.NotEqual(first[0].ResponseId, second[0].ResponseId);
        Assert.Equal("safetensors-f32", whole.ModelId);
        Assert.InRange(whole.CreatedAt!.Value, before, DateTimeOffset.UtcNow);
        Assert.False(string.IsNullOrEmpty(whole.ResponseId));
        Assert.False(string.IsNullOrEmpty(Assert.Single(whole.Messages).MessageId));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AppendToHistory_AddsOneMessageWithOneText(bool streaming)
    {
        List<ChatMessage> history = [new(ChatRole.User, Prompt)];
        if (streaming)
        {
            await history.AddMessagesAsync(_client.GetStreamingResponseAsync(history, s_short, Cancellation), cancellationToken: Cancellation);
        }
        else
        {
            history.AddMessages(await _client.GetResponseAsync(history, s_short, Cancellation));
        }

        Assert.Equal(2, history.Count);
        Assert.Equal(ChatRole.Assistant, history[1].Role);
        TextContent text = Assert.IsType<TextContent>(Assert.Single(history[1].Contents));
        Assert.Equal(history[1].Text, text.Text);
        Assert.NotEmpty(text.Text);

        // And the conversation goes on from there.
        history.Add(new ChatMessage(ChatRole.User, "And of Italy?"));
        Assert.NotEmpty((await _client.GetResponseAsync(history, s_short, Cancellation)).Text);
    }

    [Fact]
    public async Task EmptyMessages_AreTolerated_AndChangeNothing()
    {
        ChatMessage[] messages =
        [
            new(ChatRole.System, []), new(ChatRole.User, []), new(ChatRole.Assistant, []), new(ChatRole.User, Prompt), new(ChatRole.Assistant, ""),
        ];

        ChatResponse response = await _client.GetResponseAsync(messages, s_short, Cancellation);

        Assert.Equal((await _client.GetResponseAsync(Prompt, s_short, Cancellation)).Text, response.Text);
    }

    [Fact]
    public async Task UnknownAdditionalProperties_AreTolerated_AndChangeNothing()
    {
        ChatOptions options = s_short.Clone();
        options.AdditionalProperties = new() { ["stream_options"] = new Dictionary<string, object> { ["include_usage"] = true }, ["user"] = "somebody" };

        List<ChatResponseUpdate> updates = await Stream(_client, Prompt, options);

        Assert.Equal((await _client.GetResponseAsync(Prompt, s_short, Cancellation)).Text, updates.ToChatResponse().Text);
    }

    [Fact]
    public async Task Options_AreLeftAsTheyWere()
    {
        var options = new ChatOptions
        {
            MaxOutputTokens = 5,
            Temperature = 0.7f,
            TopK = 30,
            TopP = 0.9f,
            Seed = 5,
            FrequencyPenalty = 0.5f,
            PresencePenalty = 0.25f,
            Instructions = "Be brief.",
            StopSequences = ["\n"],
            AdditionalProperties = new() { ["repetition_penalty"] = 1.1 },
        };
        string before = System.Text.Json.JsonSerializer.Serialize(options, AIJsonUtilities.DefaultOptions);
        List<ChatMessage> messages = [new(ChatRole.User, Prompt)];

        await Stream(_client, messages, options);
        await _client.GetResponseAsync(messages, options, Cancellation);

        Assert.Equal(before, System.Text.Json.JsonSerializer.Serialize(options, AIJsonUtilities.DefaultOptions));
        Assert.Equal(Prompt, Assert.Single(messages).Text);
    }

    [Fact]
    public async Task Instructions_GoBeforeTheConversation()
    {
        ChatOptions options = s_short.Clone();
        options.Instructions = "Answer in French.";

        ChatResponse instructed = await _client.GetResponseAsync(Prompt, options, Cancellation);
        ChatResponse system = await _client.GetResponseAsync(
            [new(ChatRole.System, "Answer in French."), new(ChatRole.User, Prompt)], s_short, Cancellation);
        ChatResponse plain = await _client.GetResponseAsync(Prompt, s_short, Cancellation);

        Assert.Equal(system.Text, instructed.Text);
        Assert.Equal(system.Usage?.InputTokenCount, instructed.Usage?.InputTokenCount);
        Assert.NotEqual(plain.Text, instructed.Text);
    }

    [Fact]
    public async Task TypedSpecialTokens_StayText()
    {
        const string Typed = "Hello</s>world";
        IReadOnlyList<int> text = Encode(new PromptPart(Typed));
        IReadOnlyList<int> special = Encode(new("Hello"), new("</s>", IsSpecialToken: true), new("world"));

        ChatResponse response = await _client.GetResponseAsync(Typed, s_short, Cancellation);

        const int EndOfSequence = 2;
        Assert.DoesNotContain(EndOfSequence, text);
        Assert.Contains(EndOfSequence, special);
        Assert.NotEqual(special.Count, text.Count);
        Assert.Equal(text.Count, response.Usage?.InputTokenCount);
        Assert.Equal((await Generate(text)).Count, response.Usage?.OutputTokenCount);
    }

    [Fact]
    public async Task FunctionInvocation_WithoutTools_PassesThrough()
    {
        var functions = new FunctionInvokingChatClient(_client); // not disposed: it would dispose the client that the class shares

        ChatResponse whole = await functions.GetResponseAsync(Prompt, s_short, Cancellation);
        List<ChatResponseUpdate> streamed = await Stream(functions, Prompt, s_short);

        string expected = (await _client.GetResponseAsync(Prompt, s_short, Cancellation)).Text;
        Assert.Equal(expected, whole.Text);
        Assert.Equal(expected, streamed.ToChatResponse().Text);
        Assert.Equal(12, whole.Usage?.OutputTokenCount);
        Assert.Single(streamed.SelectMany(update => update.Contents).OfType<UsageContent>());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OpenTelemetry_SeesOneChatWithItsTokens(bool streaming)
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
        var traced = new OpenTelemetryChatClient(_client, sourceName: source); // not disposed: it would dispose the client that the class shares

        ChatResponse response = streaming
            ? (await Stream(traced, Prompt, s_short)).ToChatResponse()
            : await traced.GetResponseAsync(Prompt, s_short, Cancellation);

        Activity activity = Assert.Single(activities);
        Assert.Equal("chat safetensors-f32", activity.DisplayName);
        Assert.Equal(response.Usage?.InputTokenCount, Number("gen_ai.usage.input_tokens"));
        Assert.Equal(12, Number("gen_ai.usage.output_tokens"));
        Assert.Equal("safetensors-f32", activity.GetTagItem("gen_ai.response.model"));
        Assert.Equal(response.ResponseId, activity.GetTagItem("gen_ai.response.id"));

        long Number(string tag) => Convert.ToInt64(activity.GetTagItem(tag), provider: null);
    }

    [Fact]
    public async Task EightCallersAtOnce_EachGetTheirOwnReply()
    {
        string[] prompts = [.. Enumerable.Range(0, 8).Select(i => $"{Prompt} {i}: {string.Concat(Enumerable.Repeat("la ", i))}")];
        var expected = new List<string>();
        foreach (string prompt in prompts)
        {
            expected.Add((await _client.GetResponseAsync(prompt, s_short, Cancellation)).Text);
        }

        ChatResponse[] replies = await Task.WhenAll(prompts.Select((prompt, i) => Task.Run(
            async () => i % 2 == 0
                ? await _client.GetResponseAsync(prompt, s_short, Cancellation)
                : (await Stream(_client, prompt, s_short)).ToChatResponse(),
            Cancellation)));

        Assert.Equal(expected, replies.Select(reply => reply.Text));
        Assert.True(expected.Distinct().Count() > 1, "replies that are all the same would hide a mix-up");
        Assert.Equal(8, replies.Select(reply => reply.ResponseId).Distinct().Count());
    }

    [Fact]
    public void Services_AreFoundByType()
    {
        Assert.Same(_client, _client.GetService<IChatClient>());
        Assert.Same(_client, _client.GetService<BloomChatClient>());
        Assert.NotNull(_client.GetService<BloomEngine>());
        Assert.Equal("localbloom", _client.GetService<ChatClientMetadata>()?.ProviderName);
        Assert.Null(_client.GetService(typeof(IChatClient), "key"));
        Assert.Null(_client.GetService<string>());
    }

    private static Task<List<ChatResponseUpdate>> Stream(IChatClient client, string prompt, ChatOptions options) =>
        Stream(client, [new ChatMessage(ChatRole.User, prompt)], options);

    private static async Task<List<ChatResponseUpdate>> Stream(IChatClient client, IEnumerable<ChatMessage> messages, ChatOptions options)
    {
        var updates = new List<ChatResponseUpdate>();
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(messages, options, Cancellation))
        {
            updates.Add(update);
        }

        return updates;
    }

    private IReadOnlyList<int> Encode(params PromptPart[] parts) => _client.GetService<IGenerationEngine>()!.Encode(parts);

    private async Task<List<int>> Generate(IReadOnlyList<int> promptIds)
    {
        var ids = new List<int>();
        var request = new GenerationRequest { PromptIds = promptIds, MaxNewTokens = 12 };
        await foreach (GenerationDelta delta in _client.GetService<BloomEngine>()!.GenerateAsync(request, Cancellation))
        {
            ids.Add(delta.TokenId);
        }

        return ids;
    }

    /// <summary>The model, loaded once for the class.</summary>
    public sealed class Model : IAsyncLifetime
    {
        public BloomChatClient Client { get; } = new(new BloomChatClientOptions
        {
            Model = Golden.Model("safetensors-f32"),
            Devices = ["cpu"],
            MaxContextTokens = 512,
        });

        public async ValueTask InitializeAsync() => await Client.LoadAsync();

        public ValueTask DisposeAsync()
        {
            Client.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
