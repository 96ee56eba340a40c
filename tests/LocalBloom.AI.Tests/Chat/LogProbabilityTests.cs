using System.Text.Json;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Chat;

public class LogProbabilityTests
{
    private static readonly ChatOptions s_options = new() { AdditionalProperties = new() { ["top_logprobs"] = 2 } };

    // "Pa", then a token whose text is held back, then both; an end-of-sequence token without text.
    private static readonly GenerationDelta[] s_script =
    [
        Scored(10, "Pa", -0.5f), Scored(11, "", -0.25f), Scored(12, "ris", -1), Scored(13, "", -2, ChatFinishReason.Stop),
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Response_HasEveryTokenInOrder_OnMessageAndResponse()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(s_script));

        ChatResponse response = await client.GetResponseAsync("Hi", s_options, Token);

        ChatMessage message = Assert.Single(response.Messages);
        Assert.Equal("Paris", Assert.IsType<TextContent>(Assert.Single(message.Contents)).Text);
        IReadOnlyList<TokenLikelihood> tokens = TokensOf(message.AdditionalProperties);
        Assert.Equal([10, 11, 12, 13], tokens.Select(token => token.TokenId));
        Assert.Equal([-0.5f, -0.25f, -1, -2], tokens.Select(token => token.LogProbability));
        Assert.Equal(["<10>", "<11>", "<12>", "<13>"], tokens.Select(token => token.Text));
        Assert.Equal("<10>"u8.ToArray(), tokens[0].Bytes.ToArray());
        Assert.Equal([(10, -0.5f), (99, -3)], tokens[0].Top.Select(top => (top.TokenId, top.LogProbability)));
        Assert.Equal("<99>", tokens[0].Top[1].Text);
        Assert.All(tokens[0].Top, top => Assert.Empty(top.Top));
        Assert.Same(tokens, TokensOf(response.AdditionalProperties));
    }

    [Fact]
    public async Task Updates_WithText_HaveTheTokensSinceTheLast()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(s_script));

        List<ChatResponseUpdate> updates = await client.GetStreamingResponseAsync("Hi", s_options, Token).ToListAsync(Token);

        Assert.Equal(
            [[10], [11, 12], [10, 11, 12, 13]],
            updates.Select(update => TokensOf(update.AdditionalProperties).Select(token => token.TokenId).ToArray()));
        ChatResponse folded = updates.ToChatResponse();
        Assert.Equal([10, 11, 12, 13], TokensOf(Assert.Single(folded.Messages).AdditionalProperties).Select(token => token.TokenId));
        Assert.Null(folded.ConversationId);
    }

    [Fact]
    public async Task LogProbabilities_WithoutTop_AreOfTheChosenAlone()
    {
        GenerationDelta delta = new(10, "a", ChatFinishReason.Stop) { LogProbability = -1 };
        var engine = new FakeGenerationEngine(delta);
        using BloomChatClient client = ClientFactory.Create(engine);

        ChatResponse response = await client.GetResponseAsync("Hi", new() { AdditionalProperties = new() { ["logprobs"] = true } }, Token);

        Assert.Equal(0, engine.LastRequest.Sampling.TopLogProbabilities);
        Assert.Empty(Assert.Single(TokensOf(response.AdditionalProperties)).Top);
    }

    [Fact]
    public async Task PartOfACharacter_IsAReplacementCharacter_WithItsBytes()
    {
        var engine = new FakeGenerationEngine(Scored(1, "", -1), Scored(2, "é", -1, ChatFinishReason.Stop))
        {
            Bytes = id => id == 1 ? [0xC3] : id == 2 ? [0xA9] : [],
        };
        using BloomChatClient client = ClientFactory.Create(engine);

        ChatResponse response = await client.GetResponseAsync("Hi", s_options, Token);

        Assert.Equal("é", response.Text);
        IReadOnlyList<TokenLikelihood> tokens = TokensOf(response.AdditionalProperties);
        Assert.Equal(["\uFFFD", "\uFFFD"], tokens.Select(token => token.Text));
        Assert.Equal([0xC3, 0xA9], tokens.SelectMany(token => token.Bytes.ToArray()));
        Assert.Equal("", tokens[0].Top[1].Text);
    }

    [Fact]
    public async Task NotAskedFor_NothingIsAdded()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(s_script));

        ChatResponse response = await client.GetResponseAsync("Hi", cancellationToken: Token);

        Assert.Null(response.AdditionalProperties);
        Assert.Null(response.Messages[0].AdditionalProperties);
    }

    [Fact]
    public async Task Engine_ThatLeavesThemOut_IsAnError()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(FakeGenerationEngine.Script("ok")));

        await Assert.ThrowsAsync<LocalBloomException>(() => client.GetResponseAsync("Hi", s_options, Token));
    }

    [Fact]
    public async Task Response_CanBeWrittenAsJson_AsCachesDo()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine(s_script));
        ChatResponse response = await client.GetResponseAsync("Hi", s_options, Token);

        string json = JsonSerializer.Serialize(response, AIJsonUtilities.DefaultOptions);

        Assert.Equal("Paris", JsonSerializer.Deserialize<ChatResponse>(json, AIJsonUtilities.DefaultOptions)!.Text);
        Assert.Contains("logProbability", json, StringComparison.OrdinalIgnoreCase);
    }

    private static GenerationDelta Scored(int id, string text, float logProbability, ChatFinishReason? finishReason = null) =>
        new(id, text, finishReason) { LogProbability = logProbability, TopLogProbabilities = [new(id, logProbability), new(99, -3)] };

    private static IReadOnlyList<TokenLikelihood> TokensOf(AdditionalPropertiesDictionary? properties) =>
        Assert.IsType<IReadOnlyList<TokenLikelihood>>(properties?["logprobs"], exactMatch: false);
}
