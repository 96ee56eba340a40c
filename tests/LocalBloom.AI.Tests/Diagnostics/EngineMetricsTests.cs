using System.Runtime.CompilerServices;
using LocalBloom.AI.Tests.Chat;
using LocalBloom.AI.Tests.Engine;
using Microsoft.Extensions.DependencyInjection;

namespace LocalBloom.AI.Tests.Diagnostics;

public class EngineMetricsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Replies_AreCountedAndTimed()
    {
        using var watched = new WatchedEngine(options => options.MaxConcurrentReplies = 4);
        GenerationRequest several = GoldenEngine.Sampled(1, 20);
        several = several with { PromptIds = [500, 501, 502], Sampling = several.Sampling with { ReplyCount = 3 } };

        int[] tokens = [.. (await Task.WhenAll(
            watched.Engine.Collect(GoldenEngine.Sampled(2, 30), Cancellation),
            watched.Engine.Collect(GoldenEngine.Sampled(3, 1), Cancellation),
            watched.Engine.Collect(several, Cancellation)).Soon()).Select(deltas => deltas.Count)];
        await watched.Engine.EmbedAsync([600, 601], Cancellation).Soon();
        await watched.Engine.StopAsync(Cancellation).Soon(); // a step is counted after its tokens are given

        Assert.Equal([30, 1, 60], tokens);
        Assert.Equal(91, watched.Meter.Values("localbloom.output_tokens").Sum());
        Assert.Equal(1 + 1 + 3 + 2, watched.Meter.Values("localbloom.prompt_tokens").Sum());
        Assert.Equal(3, watched.Meter.Values("localbloom.time_to_first_token").Length);
        Assert.Equal(2, watched.Meter.Values("localbloom.time_per_output_token").Length); // a reply of one token has none
        Assert.All(watched.Meter.Values("localbloom.time_to_first_token"), seconds => Assert.True(seconds > 0));
        Assert.All(watched.Meter.Values("localbloom.time_per_output_token"), seconds => Assert.True(seconds > 0));
        Assert.Empty(watched.Meter.Values("localbloom.rejected_requests"));
    }

    [Fact]
    public async Task Engine_UnderWay_TellsWhatItHolds_AndGivesBack()
    {
        using var watched = new WatchedEngine(options => options.MaxQueuedRequests = 2);
        Assert.Equal(0, watched.Meter.Observe()["localbloom.cache.limit"]); // nothing is loaded
        using var running = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        (Task begun, Task end) = watched.Engine.StartEndless(running.Token);
        await begun.Soon();
        Task<List<GenerationDelta>>[] waiting = [.. Enumerable.Range(0, 2).Select(_ => watched.Engine.Collect(GoldenEngine.Greedy(2), Cancellation))];

        // What is running is noted at the end of a step, after its first token has been given.
        Dictionary<string, double> busy = await watched.Meter.ObserveUntil(observed =>
            observed["localbloom.queued_requests"] == 2 && observed["localbloom.running_replies"] > 0);
        await Assert.ThrowsAsync<EngineBusyException>(() => watched.Engine.Collect(GoldenEngine.Greedy(2), Cancellation).Soon());

        Assert.Equal(1, busy["localbloom.running_replies"]);
        Assert.InRange(busy["localbloom.cache.usage"], 1, busy["localbloom.cache.limit"]);
        Assert.Equal(watched.Engine.DeviceMemory["cpu"], busy["localbloom.device.memory"]);
        (string Name, double Value, Dictionary<string, object?> Tags) rejected = Assert.Single(watched.Meter.Measurements, measured => measured.Name == "localbloom.rejected_requests");
        Assert.Equal(typeof(EngineBusyException).FullName, rejected.Tags["error.type"]);

        await running.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => end.Soon());
        await Task.WhenAll(waiting).Soon();
        await watched.Meter.ObserveUntil(observed => observed["localbloom.queued_requests"] + observed["localbloom.running_replies"] + observed["localbloom.cache.usage"] == 0);
    }

    [Fact]
    public async Task ACacheThatIsTooSmall_CountsPreemptions()
    {
        using var watched = new WatchedEngine(options => (options.MaxContextTokens, options.CacheTokens, options.MaxConcurrentReplies) = (256, 256, 8));

        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => watched.Engine.Collect(GoldenEngine.Sampled(i, 100), Cancellation))).Soon();
        await watched.Engine.StopAsync(Cancellation).Soon();

        Assert.True(watched.Meter.Values("localbloom.preemptions").Sum() > 0);
        Assert.Contains("RepliesPreempted", watched.Events);
        Assert.Equal(600, watched.Meter.Values("localbloom.output_tokens").Sum()); // what is computed again is not generated again
    }

    [Fact]
    public async Task Disposed_ASharedMeterFallsSilent_AndHoldsNothingOfTheEngine()
    {
        using ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var factory = services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>();
        using var meter = new MeterRecorder(factory, Path.GetFileName(GoldenEngine.Folder));

        WeakReference engine = await RunAndDispose();

        Assert.Empty(meter.Observe());
        for (int i = 0; i < 20 && engine.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Delay(10, Cancellation);
        }

        Assert.False(engine.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        async Task<WeakReference> RunAndDispose()
        {
            using var engine = new BloomEngine(new BloomChatClientOptions { Model = GoldenEngine.Folder, Devices = ["cpu"], MaxContextTokens = 64 }, null, factory);
            await engine.Collect(GoldenEngine.Greedy(2), Cancellation).Soon();
            Assert.True(meter.Observe()["localbloom.device.memory"] > 0);
            return new WeakReference(engine);
        }
    }

    [Fact]
    public async Task Disposed_TheEnginesOwnMeterEnds()
    {
        using var folder = GoldenEngine.Copy(); // a name that no other test's engine has
        using var meter = new MeterRecorder(factory: null, Path.GetFileName(folder.Path));
        using (BloomEngine engine = GoldenEngine.Create(folder.Path))
        {
            await engine.Collect(GoldenEngine.Greedy(2), Cancellation).Soon();
            Assert.True(meter.Observe()["localbloom.device.memory"] > 0);
        }

        Assert.Empty(meter.Observe());
        Assert.NotEmpty(meter.Completed);
    }

    [Fact]
    public async Task AListenerThatThrows_EndsNothing()
    {
        using var watched = new WatchedEngine();
        watched.Meter.Measured = _ => throw new InvalidOperationException("listener");

        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(4, (await watched.Engine.Collect(GoldenEngine.Sampled(1, 4), Cancellation).Soon()).Count);
        }

        Assert.NotEmpty(watched.Meter.Values("localbloom.time_to_first_token"));
        Assert.NotEmpty(watched.Meter.Values("localbloom.output_tokens"));
    }

    [Fact]
    public async Task AListenerThatThrowsAtInstruments_EndsNothing_AndIsLogged()
    {
        using ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var factory = services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>();
        using var broken = new System.Diagnostics.Metrics.MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Scope == factory && instrument.Name != "localbloom.output_tokens")
                {
                    throw new InvalidOperationException("listener");
                }
            },
        };
        broken.Start();
        using var log = new RecordingLoggerFactory();
        using var meter = new MeterRecorder(factory, Path.GetFileName(GoldenEngine.Folder));

        using (var engine = new BloomEngine(new BloomChatClientOptions { Model = GoldenEngine.Folder, Devices = ["cpu"], MaxContextTokens = 64 }, log, factory))
        {
            Assert.Equal(3, (await engine.Collect(GoldenEngine.Sampled(1, 3), Cancellation).Soon()).Count);
            await engine.StopAsync(Cancellation).Soon();
        }

        Assert.Equal(3, meter.Values("localbloom.output_tokens").Sum());
        string[] told = [.. log.Entries.Where(entry => entry.Event.Name == "ListenerFailed").Select(entry => entry.Text)];
        Assert.Equal(10, told.Length);
        Assert.Contains("A listener of metrics threw at localbloom.prompt_tokens, which it may not measure: listener", told);
    }

    [Fact]
    public void AListenerThatThrowsAtTheMetersEnd_IsLogged()
    {
        int thread = Environment.CurrentManagedThreadId; // other tests have meters of the same name
        bool isMine = false;
        using var broken = new System.Diagnostics.Metrics.MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "LocalBloom.AI" && isMine && Environment.CurrentManagedThreadId == thread)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
            MeasurementsCompleted = (_, _) => Fail(),
        };
        using var log = new RecordingLoggerFactory();
        broken.Start(); // tells of instruments that there are, too, on this thread
        isMine = true;

        new BloomEngine(new BloomChatClientOptions { Model = GoldenEngine.Folder, Devices = ["cpu"] }, log).Dispose();
        isMine = false;

        Assert.Single(log.Entries, entry => entry.Event.Name == "ListenerFailed");

        void Fail()
        {
            if (isMine)
            {
                throw new InvalidOperationException("listener");
            }
        }
    }

    [Fact]
    public async Task Instruments_AreReadWhileTheEngineLoadsRunsAndEnds()
    {
        using var watched = new WatchedEngine(options => options.MaxConcurrentReplies = 4);
        Task life = Task.Run(
            async () =>
            {
                await Task.WhenAll(Enumerable.Range(0, 6).Select(i => watched.Engine.Collect(GoldenEngine.Sampled(i, 150), Cancellation)));
                await watched.Engine.StopAsync(Cancellation);
            },
            Cancellation);

        var seen = new List<Dictionary<string, double>>();
        while (!life.IsCompleted)
        {
            seen.Add(watched.Meter.Observe());
            await Task.Delay(1, Cancellation);
        }

        await life.Soon();
        Assert.All(seen, observed => Assert.True(observed.Values.All(value => value >= 0)));
        Assert.Contains(seen, observed => observed["localbloom.running_replies"] is > 0 and <= 4);
        Assert.Equal(0, watched.Meter.Observe()["localbloom.cache.limit"]);
    }
}
