using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Chat;

public class SeveralRepliesTests
{
    // Three replies, token by token in turn, as sampling gives them: sums of -3, -1.5 and -2.
    private static readonly GenerationDelta[] s_sampled =
    [
        Delta(0, 1, " a", -1), Delta(1, 2, " b", -1), Delta(2, 3, " c", -2, ChatFinishReason.Length),
        Delta(0, 4, "A", -2, ChatFinishReason.Stop), Delta(1, 5, "B", -0.25f), Delta(1, 6, "", -0.25f, ChatFinishReason.Stop),
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sampled_TheMostProbableIsTheMessage_AllAreListedInOrder()
    {
        var engine = new FakeGenerationEngine(s_sampled);
        using BloomChatClient client = ClientFactory.Create(engine);

        ChatResponse response = await client.GetResponseAsync("Hi", Options(3), Token);

        Assert.Equal(" bB", Assert.IsType<TextContent>(Assert.Single(Assert.Single(response.Messages).Contents)).Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        ReplyCandidate[] expected =
        [
            new(" bB", ChatFinishReason.Stop, -1.5, 3), new(" c", ChatFinishReason.Length, -2, 1), new(" aA", ChatFinishReason.Stop, -3, 2),
        ];
        Assert.Equal(expected, RepliesOf(response.AdditionalProperties));
        Assert.Equal(expected, RepliesOf(response.Messages[0].AdditionalProperties));
        Assert.Equal(0, engine.LastRequest.Sampling.TopLogProbabilities); // replies cannot be compared without
        Assert.False(response.AdditionalProperties!.ContainsKey("logprobs")); // but the caller did not ask
    }

    [Fact]
    public async Task Usage_CountsTheTokensOfAll_AndThePromptOnce()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(s_sampled));

        UsageDetails usage = (await client.GetResponseAsync("Hi", Options(3), Token)).Usage!;

        Assert.Equal((8, 6, 14), (usage.InputTokenCount, usage.OutputTokenCount, usage.TotalTokenCount));
    }

    [Fact]
    public async Task Beams_KeepTheEnginesOrder()
    {
        // The length penalty may put a less probable reply first.
        GenerationDelta[] script =
        [
            Delta(0, 1, "long", -2), Delta(0, 2, "er", -2, ChatFinishReason.Stop), Delta(1, 3, "short", -3, ChatFinishReason.Stop),
        ];
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(script));
        var options = new ChatOptions { AdditionalProperties = new() { ["n"] = 2, ["num_beams"] = 4, ["length_penalty"] = 2 } };

        ChatResponse response = await client.GetResponseAsync("Hi", options, Token);

        Assert.Equal("longer", response.Text);
        Assert.Equal(["longer", "short"], RepliesOf(response.AdditionalProperties).Select(reply => reply.Text));
    }

    [Fact]
    public async Task Streaming_YieldsTheBestAtTheEnd_WithItsLogProbabilities()
    {
        bool ended = false;
        var engine = new FakeGenerationEngine(s_sampled) { AfterDeltas = () => ended = true };
        using BloomChatClient client = ClientFactory.Create(engine);
        var options = new ChatOptions { Temperature = 1, AdditionalProperties = new() { ["n"] = 3, ["logprobs"] = true } };

        var updates = new List<ChatResponseUpdate>();
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("Hi", options, Token))
        {
            Assert.True(ended);
            updates.Add(update);
        }

        Assert.Equal([" bB", ""], updates.Select(update => update.Text));
        Assert.All(updates, update => Assert.Equal(
            [2, 5, 6], Assert.IsType<IReadOnlyList<TokenLikelihood>>(update.AdditionalProperties?["logprobs"], exactMatch: false).Select(token => token.TokenId)));
        Assert.Single(updates.ToChatResponse().Messages);
    }

    [Fact]
    public async Task StartOfEachReply_IsTrimmedWhereTheTemplateSaysSo()
    {
        var engine = new FakeGenerationEngine(s_sampled);
        using var client = new BloomChatClient(
            engine, ownsEngine: false, new BloomChatClientOptions { Model = "m", PromptTemplate = new TrimmingTemplate() });

        ChatResponse response = await client.GetResponseAsync("Hi", Options(3), Token);

        Assert.Equal(["bB", "c", "aA"], RepliesOf(response.AdditionalProperties).Select(reply => reply.Text));
    }

    [Fact]
    public async Task EmptyBestReply_IsOneEmptyText()
    {
        var engine = new FakeGenerationEngine(Delta(0, 1, "", -1, ChatFinishReason.Stop), Delta(1, 1, "x", -2, ChatFinishReason.Stop));
        using BloomChatClient client = ClientFactory.Create(engine);

        ChatResponse response = await client.GetResponseAsync("Hi", Options(2), Token);

        Assert.Equal("", Assert.IsType<TextContent>(Assert.Single(response.Messages[0].Contents)).Text);
    }

    [Fact]
    public async Task OneReplyWithoutAnEnd_IsAnError()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(s_sampled[..^1]));

        await Assert.ThrowsAsync<LocalBloomException>(() => client.GetResponseAsync("Hi", Options(3), Token));
    }

    [Fact]
    public async Task OneReply_IsNotListed()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(FakeGenerationEngine.Script("ok")));

        Assert.Null((await client.GetResponseAsync("Hi", Options(1), Token)).AdditionalProperties);
    }

    private static ChatOptions Options(int n) => new() { Temperature = 1, AdditionalProperties = new() { ["n"] = n } };

    private static GenerationDelta Delta(int reply, int id, string text, float logProbability, ChatFinishReason? finishReason = null) =>
        new(id, text, finishReason) { Reply = reply, LogProbability = logProbability };

    private static IReadOnlyList<ReplyCandidate> RepliesOf(AdditionalPropertiesDictionary? properties) =>
        Assert.IsType<IReadOnlyList<ReplyCandidate>>(properties?["replies"], exactMatch: false);

    private sealed class TrimmingTemplate : PromptTemplate
    {
        public override bool TrimsReplyStart => true;

        public override IReadOnlyList<PromptPart> Render(IReadOnlyList<ChatMessage> messages) => [new(messages[^1].Text)];
    }
}
