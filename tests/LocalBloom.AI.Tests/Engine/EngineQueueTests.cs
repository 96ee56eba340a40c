namespace LocalBloom.AI.Tests.Engine;

public class EngineQueueTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task LeavingTheLoop_FreesTheEngineForTheNextRequest()
    {
        using BloomEngine engine = GoldenEngine.CreateForEndless();
        int read = 0;
        await foreach (GenerationDelta delta in engine.GenerateAsync(GoldenEngine.Endless, Cancellation))
        {
            if (++read == 3)
            {
                break;
            }
        }

        Assert.Equal(4, (await engine.Collect(GoldenEngine.Sampled(2, 4), Cancellation).Soon()).Count);
    }

    [Fact]
    public async Task QueuedRequest_Cancelled_ThrowsWhileAnotherRuns()
    {
        using var engine = new BloomEngine(new BloomChatClientOptions { Model = GoldenEngine.Folder, Devices = ["cpu"], MaxContextTokens = 131_072, MaxConcurrentReplies = 1 });
        using var running = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        using var queued = new CancellationTokenSource();
        (Task begun, Task end) = engine.StartEndless(running.Token);
        await begun.Soon();
        Task<List<GenerationDelta>> second = engine.Collect(GoldenEngine.Greedy(4), queued.Token);
        Task<List<GenerationDelta>> third = engine.Collect(GoldenEngine.Greedy(4), Cancellation);

        await queued.CancelAsync();

        var thrown = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second.Soon());
        Assert.Equal(queued.Token, thrown.CancellationToken);
        Assert.False(end.IsCompleted);
        Assert.False(third.IsCompleted);
        await running.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => end.Soon());
        Assert.Equal(4, (await third.Soon()).Count);
    }

    [Fact]
    public async Task RunningRequest_Cancelled_ThrowsAtTheNextStep()
    {
        using BloomEngine engine = GoldenEngine.CreateForEndless();
        using var cancellation = new CancellationTokenSource();
        (Task begun, Task end) = engine.StartEndless(cancellation.Token);
        await begun.Soon();

        await cancellation.CancelAsync();

        var thrown = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => end.Soon());
        Assert.Equal(cancellation.Token, thrown.CancellationToken);
        Assert.Single(await engine.Collect(GoldenEngine.Greedy(1), Cancellation).Soon());
    }

    [Fact]
    public async Task Requests_ThatMustWait_AreServedInTheOrderOfArrival()
    {
        using var engine = new BloomEngine(new BloomChatClientOptions { Model = GoldenEngine.Folder, Devices = ["cpu"], MaxContextTokens = 512, MaxConcurrentReplies = 1 });
        await engine.LoadAsync(cancellationToken: Cancellation);
        var ended = new List<int>();
        Task[] all = [.. Enumerable.Range(0, 6).Select(Serve)];

        await Task.WhenAll(all).Soon();

        Assert.Equal(Enumerable.Range(0, 6), ended);

        // The longest first: by length alone, they would end the other way round.
        async Task Serve(int number)
        {
            await foreach (GenerationDelta delta in engine.GenerateAsync(GoldenEngine.Sampled(number, 60 - (10 * number)), Cancellation))
            {
                if (delta.FinishReason is not null)
                {
                    lock (ended)
                    {
                        ended.Add(number);
                    }
                }
            }
        }
    }
}
