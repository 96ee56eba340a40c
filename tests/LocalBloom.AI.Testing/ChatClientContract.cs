using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Testing;

/// <summary>What every strategy must do, whatever it is built from. Subclass once per strategy.</summary>
/// <remarks>The model is tiny and its text is noise: what counts is how replies come, not what they say.</remarks>
public abstract class ChatClientContract<TStrategy>
    where TStrategy : IStrategy
{
    private static readonly ChatOptions s_greedy = new() { Temperature = 0, MaxOutputTokens = 24 };
    private static readonly ChatOptions s_sampled = new() { Temperature = 1.5f, TopP = 0.95f, Seed = 7, MaxOutputTokens = 24 };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("The capital of France is")]
    [InlineData("肺结核的下一个阶段是")]
    [InlineData("🌸 μῆνιν ἄειδε")]
    public async Task Streaming_ConcatenatesToTheNonStreamingReply(string prompt)
    {
        using BloomChatClient client = CreateClient();
        foreach (ChatOptions options in new[] { s_greedy, s_sampled })
        {
            ChatResponse whole = await client.GetResponseAsync(prompt, options, Cancellation);
            ChatResponse streamed = await client.GetStreamingResponseAsync(prompt, options, Cancellation).ToChatResponseAsync(Cancellation);

            Assert.Equal(whole.Text, streamed.Text);
            Assert.Equal(whole.FinishReason, streamed.FinishReason);
            Assert.Equal(whole.Usage?.OutputTokenCount, streamed.Usage?.OutputTokenCount);
        }
    }

    [Fact]
    public async Task Reply_DoesNotDependOnOthersAtTheSameTime()
    {
        using BloomChatClient client = CreateClient();
        string[] prompts = [.. Enumerable.Range(0, 6).Select(i => string.Concat(Enumerable.Repeat("Un, deux, trois. ", i + 1)))];
        var alone = new List<string>();
        foreach (string prompt in prompts)
        {
            alone.Add((await client.GetResponseAsync(prompt, s_sampled, Cancellation)).Text);
        }

        ChatResponse[] together = await Task.WhenAll(prompts.Select(prompt => client.GetResponseAsync(prompt, s_sampled, Cancellation)));

        Assert.Equal(alone, together.Select(response => response.Text));
    }

    [Fact]
    public async Task SameSeed_GivesTheSameText_AndAnotherSeedAnother()
    {
        using BloomChatClient client = CreateClient();
        ChatOptions other = s_sampled.Clone();
        other.Seed = 8;

        string first = (await client.GetResponseAsync("Hello", s_sampled, Cancellation)).Text;
        string second = (await client.GetResponseAsync("Hello", s_sampled, Cancellation)).Text;
        string third = (await client.GetResponseAsync("Hello", other, Cancellation)).Text;

        Assert.Equal(first, second);
        Assert.NotEqual(first, third);
    }

    [Fact]
    public async Task Cancelling_MidStream_Throws_AndTheClientGoesOn()
    {
        using BloomChatClient client = CreateTalkative();
        string before = (await client.GetResponseAsync("Count:", s_greedy, Cancellation)).Text;
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var longReply = new ChatOptions { Temperature = 1, Seed = 5, MaxOutputTokens = 400 };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("Count:", longReply, cancellation.Token))
            {
                Assert.Null(update.FinishReason);
                await cancellation.CancelAsync();
            }
        });

        Assert.Equal(before, (await client.GetResponseAsync("Count:", s_greedy, Cancellation)).Text);
    }

    [Fact]
    public async Task Cancelled_BeforeTheStart_Throws()
    {
        using BloomChatClient client = CreateClient();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync("Count:", s_greedy, new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task StopSequence_EndsTheReplyBeforeIt()
    {
        using BloomChatClient client = CreateClient();
        string whole = (await client.GetResponseAsync("Hello", s_sampled, Cancellation)).Text;
        string stop = whole.Substring(whole.Length / 2, 2); // begins and ends anywhere in a token
        ChatOptions options = s_sampled.Clone();
        options.StopSequences = [stop];

        ChatResponse stopped = await client.GetResponseAsync("Hello", options, Cancellation);

        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], stopped.Text);
        Assert.Equal(ChatFinishReason.Stop, stopped.FinishReason);
    }

    [Fact]
    public async Task Length_EndsTheReply()
    {
        using BloomChatClient client = CreateClient();

        ChatResponse response = await client.GetResponseAsync("Hello", new() { MaxOutputTokens = 3, Temperature = 1.5f, Seed = 7 }, Cancellation);

        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal(3, response.Usage?.OutputTokenCount);
    }

    [Fact]
    public async Task PromptThatDoesNotFit_IsRefusedWithBothNumbers()
    {
        using BloomChatClient client = CreateClient();
        string prompt = string.Concat(Enumerable.Range(0, 1200).Select(i => $"{i} "));

        var error = await Assert.ThrowsAsync<ContextOverflowException>(() => client.GetResponseAsync(prompt, s_greedy, Cancellation));

        Assert.Equal(512, error.MaxContextTokens);
        Assert.True(error.PromptTokens >= 512);
    }

    [Fact]
    public async Task Reply_EndsWhereTheContextEnds()
    {
        using BloomChatClient client = CreateClient();

        ChatResponse response = await client.GetResponseAsync("Hello", new() { MaxOutputTokens = 5000, Temperature = 2, Seed = 3, TopK = 50 }, Cancellation);

        Assert.True(response.Usage!.TotalTokenCount <= 512);
        Assert.NotNull(response.FinishReason);
    }

    [Fact]
    public async Task Disposing_EndsARunningReply_AndLaterCallsSayWhy()
    {
        BloomChatClient client = CreateTalkative();
        await using IAsyncEnumerator<ChatResponseUpdate> updates =
            client.GetStreamingResponseAsync("Hello", new() { MaxOutputTokens = 480, Temperature = 1.5f, Seed = 11, TopK = 40 }, Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await updates.MoveNextAsync());

        await Task.Run(client.Dispose, Cancellation);

        try
        {
            while (await updates.MoveNextAsync())
            {
                // What had been generated may still be read; an early end of the sequence is fine as well.
            }
        }
        catch (ObjectDisposedException)
        {
            // The usual end.
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hello", s_greedy, Cancellation));
    }

    private static BloomChatClient CreateClient(string model = "safetensors-f16-stops") => new(StrategyFixture<TStrategy>.Options(Golden.Model(model)));

    // A model that hardly ever ends a reply by itself.
    private static BloomChatClient CreateTalkative() => CreateClient("safetensors-f32");
}
