namespace LocalBloom.AI.Tests.Engine;

public class EngineDisposeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Dispose_BeforeAnything_IsQuiet_AndEndsTheEngine()
    {
        BloomEngine engine = GoldenEngine.Create();

        engine.Dispose();
        engine.Dispose();

        await AssertDisposed(engine);
    }

    [Fact]
    public async Task Dispose_WhileLoading_EndsTheLoad()
    {
        BloomEngine engine = GoldenEngine.Create();
        using var held = new HeldLoad();
        Task load = engine.LoadAsync(held, Cancellation);
        await held.Reached.Soon();
        Task joiner = engine.LoadAsync(cancellationToken: Cancellation);
        Task<List<GenerationDelta>> request = engine.Collect(GoldenEngine.Greedy(1), Cancellation);

        var disposal = Task.Run(engine.Dispose, Cancellation);
        await Assert.ThrowsAsync<TimeoutException>(() => disposal.WaitAsync(TimeSpan.FromMilliseconds(50), Cancellation)); // the thread is held
        held.Go();

        await disposal.Soon();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => load.Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => joiner.Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => request.Soon());
        await AssertDisposed(engine);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Dispose_WhileGenerating_EndsRunningAndQueuedRequests(bool isAsync)
    {
        BloomEngine engine = GoldenEngine.CreateForEndless();
        (Task begun, Task end) = engine.StartEndless(Cancellation);
        await begun.Soon();
        Task<List<GenerationDelta>> queued = engine.Collect(GoldenEngine.Greedy(4), Cancellation);

        await (isAsync ? engine.DisposeAsync().AsTask() : Task.Run(engine.Dispose, Cancellation)).Soon();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => end.Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => queued.Soon());
        await AssertDisposed(engine);
    }

    [Fact]
    public async Task Dispose_Twice_AndFromManyThreads_IsQuiet()
    {
        BloomEngine engine = GoldenEngine.Create();
        await engine.LoadAsync(cancellationToken: Cancellation);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => i % 2 == 0 ? engine.DisposeAsync().AsTask() : Task.Run(engine.Dispose, Cancellation))).Soon();
        engine.Dispose();
        await engine.DisposeAsync();

        await AssertDisposed(engine);
    }

    private static async Task AssertDisposed(BloomEngine engine)
    {
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.LoadAsync(cancellationToken: Cancellation).Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.Collect(GoldenEngine.Greedy(1), Cancellation).Soon());
    }
}
