using System.Collections.Concurrent;
using LocalBloom.AI.Tests.Engine;
using LocalBloom.AI.Tests.Loading;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Tests.Diagnostics;

public class EngineLogTests
{
    private const string GoldenModel = "the reference checkpoint";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AReply_IsLoggedWithItsNumbers_FromLoadingToShutdown()
    {
        using var watched = new WatchedEngine();

        await watched.Engine.Collect(GoldenEngine.Sampled(1, 12) with { PromptIds = [500, 501, 502] }, Cancellation).Soon();
        await watched.Engine.EmbedAsync([500, 501, 502, 503], Cancellation).Soon();
        await watched.Engine.StopAsync(Cancellation).Soon();

        Assert.Equal(
            ["Loading", "Planned", "Progress", "Ready", "RequestFinished", "EmbeddingFinished", "Draining", "ShutDown"],
            watched.Events.Where(name => name is not ("Note" or "PromptType")).Distinct());
        Assert.Matches(@"^safetensors-f16-stops is ready after \d+\.\d s and holds .*B of cpu$", watched.TextOf("Ready"));
        Assert.Matches(
            @"^safetensors-f16-stops finished a request \(length\): 3 tokens in, 12 out in \d+\.\d{3} s, waiting included \(\d+\.\d tokens/s\), the first after \d+\.\d{3} s$",
            watched.TextOf("RequestFinished"));
        Assert.Matches(@"of 4 tokens in", watched.TextOf("EmbeddingFinished"));
        Assert.Matches(@"has shut down and given back .*B of cpu$", watched.TextOf("ShutDown"));
    }

    [Fact]
    public async Task WhatGoesWrongForOneRequest_IsLoggedByItsKind()
    {
        using var watched = new WatchedEngine(options => options.MaxQueuedRequests = 1);
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        (Task begun, Task end) = watched.Engine.StartEndless(leaving.Token);
        await begun.Soon();
        Task<List<GenerationDelta>> late = watched.Engine.Collect(GoldenEngine.Greedy(2) with { Timeout = TimeSpan.FromSeconds(1) }, Cancellation);

        await Assert.ThrowsAsync<EngineBusyException>(() => watched.Engine.Collect(GoldenEngine.Greedy(2), Cancellation).Soon());
        await Assert.ThrowsAsync<GenerationTimeoutException>(() => late.Soon());
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => end.Soon());
        (begun, end) = watched.Engine.StartEndless(Cancellation);
        await begun.Soon();
        watched.Engine.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => end.Soon());

        Assert.Contains("1 requests wait for the model already", watched.TextOf("RequestRejected"), StringComparison.Ordinal);
        Assert.Contains("longer than 00:00:01", watched.TextOf("RequestTimedOut"), StringComparison.Ordinal);
        Assert.Equal(
            ["the caller left", "the engine shut down"],
            watched.Log.Entries.Where(entry => entry.Event.Name == "RequestCancelled").Select(entry => entry.Text.Split(": ")[1]));
        Assert.DoesNotContain("RequestFailed", watched.Events);
    }

    [Fact]
    public async Task ALoadThatFails_IsAnError_AndSaysWhy()
    {
        using var watched = new WatchedEngine(options => options.Model = "/no/such/model");

        LocalBloomException error = await Assert.ThrowsAnyAsync<LocalBloomException>(() => watched.Engine.LoadAsync(cancellationToken: Cancellation));

        (LogLevel level, _, string text) = Assert.Single(watched.Log.Entries, entry => entry.Event.Name == "LoadFailed");
        Assert.Equal(LogLevel.Error, level);
        Assert.EndsWith(error.Message, text, StringComparison.Ordinal);
        Assert.Empty(watched.Log.Exceptions); // the message says all, and who asked has the exception
    }

    [Theory]
    [InlineData(GoldenModel)]
    [InlineData("/no/such/model")]
    public async Task ALoggerThatThrows_EndsNothing(string model)
    {
        using var watched = new WatchedEngine(options => options.Model = model == GoldenModel ? GoldenEngine.Folder : model);
        watched.Log.Logged = () => throw new InvalidOperationException("logger");
        watched.Log.Asked = () => throw new InvalidOperationException("logger");

        Task<List<GenerationDelta>> reply = watched.Engine.Collect(GoldenEngine.Sampled(1, 4), Cancellation).Soon();

        if (model == GoldenModel)
        {
            Assert.Equal(4, (await reply).Count);
            watched.Log.Asked = () => { };
            using var client = new BloomChatClient(watched.Engine, ownsEngine: false, watched.Options, watched.Log);
            Assert.Equal(ChatFinishReason.Length, (await client.GetResponseAsync("Hi", new() { MaxOutputTokens = 2, Temperature = 1.5f, Seed = 7 }, Cancellation).Soon()).FinishReason);
            Assert.Contains("RequestFinished", watched.Events);
        }
        else
        {
            await Assert.ThrowsAsync<CheckpointException>(() => reply);
        }

        watched.Engine.Dispose();
    }

    [Fact]
    public async Task EngineThread_HasNothingOfItsFirstCaller()
    {
        var caller = new AsyncLocal<string?> { Value = "first" };
        var seen = new ConcurrentQueue<string?>();
        using var watched = new WatchedEngine();
        watched.Log.Logged = () =>
        {
            if (Thread.CurrentThread.Name?.StartsWith("BLOOM", StringComparison.Ordinal) == true)
            {
                seen.Enqueue(caller.Value);
            }
        };

        await watched.Engine.LoadAsync(cancellationToken: Cancellation).Soon();

        Assert.NotEmpty(seen);
        Assert.All(seen, Assert.Null);
    }

    [Fact]
    public async Task PromptsAndReplies_AreLoggedAtTraceAlone()
    {
        const string Secret = "quartz xylophone 7391";
        using var watched = new WatchedEngine(options => options.MaxQueuedRequests = 1);
        using var client = new BloomChatClient(watched.Engine, ownsEngine: false, watched.Options, watched.Log);
        using var embedder = new BloomEmbeddingGenerator(watched.Engine);
        var options = new ChatOptions { MaxOutputTokens = 40, Temperature = 1.5f, Seed = 3, AdditionalProperties = new() { ["top_a"] = 1, ["min_tokens"] = 40 } };

        ChatResponse response = await client.GetResponseAsync($"Say {Secret}.", options, Cancellation).Soon();
        await embedder.GenerateAsync([Secret], cancellationToken: Cancellation).Soon();
        await Fail(client, Secret);
        watched.Engine.Dispose();

        Assert.True(response.Text.Length > 20, $"'{response.Text}' is too short to be told from other words.");
        var traced = watched.Log.Entries.Where(entry => entry.Level == LogLevel.Trace).ToList();
        Assert.Contains(traced, entry => entry.Event.Name == "Prompt" && entry.Text.Contains($"Say {Secret}.", StringComparison.Ordinal));
        Assert.Contains(traced, entry => entry.Event.Name == "Reply" && entry.Text.EndsWith(response.Text, StringComparison.Ordinal));
        string[] rest =
        [
            .. watched.Log.Entries.Where(entry => entry.Level != LogLevel.Trace).Select(entry => entry.Text),
            .. watched.Log.Exceptions.Select(error => error.ToString()),
        ];
        Assert.Contains(rest, text => text.Contains("ended a request", StringComparison.Ordinal));
        Assert.All(rest, text => Assert.DoesNotContain("quartz", text, StringComparison.Ordinal));
        Assert.All(rest, text => Assert.DoesNotContain(response.Text[..12], text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task ABrokenModel_IsAnErrorOfItsRequests()
    {
        using TemporaryFolder folder = GoldenEngine.Copy();
        BreakWeights(folder.File("model.safetensors"));
        using var watched = new WatchedEngine(options => options.Model = folder.Path);

        await Assert.ThrowsAsync<LocalBloomException>(() => watched.Engine.Collect(GoldenEngine.Greedy(2), Cancellation).Soon());

        (LogLevel level, _, string text) = Assert.Single(watched.Log.Entries, entry => entry.Event.Name == "RequestFailed");
        Assert.Equal(LogLevel.Error, level);
        Assert.Contains("logits are not numbers", text, StringComparison.Ordinal);
    }

    // Every number not a number: 0xFFFF in float16.
    private static void BreakWeights(string file)
    {
        byte[] bytes = File.ReadAllBytes(file);
        int header = (int)BitConverter.ToInt64(bytes, 0);
        bytes.AsSpan(8 + header).Fill(0xFF);
        File.WriteAllBytes(file, bytes);
    }

    private static async Task Fail(BloomChatClient client, string secret)
    {
        using var leaving = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync($"Once more {secret}", new() { MaxOutputTokens = 100_000, Temperature = 1.5f }, leaving.Token))
            {
                await leaving.CancelAsync();
            }
        });
    }
}
