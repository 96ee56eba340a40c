using LocalBloom.AI.Tests.Chat;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Tests.Engine;

/// <summary>Warm-up and shutdown by a real host.</summary>
public class HostTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null, true)]
    [InlineData("qa", true)]
    [InlineData(null, false)]
    public async Task Start_LoadsTheModel_IfTheOptionSaysSo(string? key, bool warmUp)
    {
        using var log = new RecordingLoggerFactory();
        using IHost host = Build(log, key, ("WarmUp", $"{warmUp}"));

        await host.StartAsync(Cancellation).Soon();

        BloomEngine engine = EngineOf(host, key);
        Assert.Equal(warmUp, Record.Exception(() => engine.MaxContextTokens) is null);
        Assert.Equal(warmUp, engine.Status.Steps > 0);
        Assert.Equal(
            warmUp ? ["Loading", "Planned", "Progress", "Ready", "RequestFinished", "WarmedUp"] : Array.Empty<string>(),
            log.Entries.Select(entry => entry.Event.Name!).Where(name => name is "Loading" or "Planned" or "Progress" or "Ready" or "RequestFinished" or "WarmedUp" or "NotWarmedUp").Distinct());
        await host.StopAsync(Cancellation).Soon();
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public async Task WithoutAHost_NothingWarmsUp_AndTheLogSaysSo(bool warmUp, bool isInContainer)
    {
        using var log = new RecordingLoggerFactory();
        var options = new BloomChatClientOptions { Model = GoldenEngine.Folder, Devices = ["cpu"], WarmUp = warmUp };
        var services = new ServiceCollection();
        services.AddSingleton<ILoggerFactory>(log);
        services.AddBloomChatClient(registered => (registered.Model, registered.Devices, registered.WarmUp) = (options.Model, options.Devices, options.WarmUp));
        await using ServiceProvider provider = services.BuildServiceProvider();

        await using BloomEngine engine = isInContainer ? provider.GetRequiredService<BloomEngine>() : new BloomEngine(options, log);

        Assert.Equal(warmUp ? ["NotWarmedUp"] : [], log.Entries.Select(entry => entry.Event.Name));
    }

    [Fact]
    public async Task Start_InTheSmallestContext_WarmsUp()
    {
        using IHost host = Build(null, null, ("WarmUp", "true"), ("MaxContextTokens", "16"));

        await host.StartAsync(Cancellation).Soon();

        Assert.Equal(16, EngineOf(host).MaxContextTokens);
    }

    [Fact]
    public async Task Start_WithAModelThatCannotBeLoaded_FailsWithTheOneError()
    {
        using IHost host = Build(null, null, ("WarmUp", "true"), ("Model", "/no/such/model"));

        CheckpointException error = await Assert.ThrowsAsync<CheckpointException>(() => host.StartAsync(Cancellation).Soon());

        Assert.Contains("/no/such/model", error.Message, StringComparison.Ordinal);
        await host.StopAsync(Cancellation).Soon(); // what did not start stops without an error
    }

    [Fact]
    public async Task Start_Cancelled_EndsTheLoad()
    {
        using var log = new RecordingLoggerFactory();
        using IHost host = Build(log, null, ("WarmUp", "true"));
        using var cancellation = new CancellationTokenSource();
        log.Logged = () =>
        {
            if (log.Entries.Any(entry => entry.Event.Name == "Progress"))
            {
                cancellation.Cancel(); // on the engine thread, between two tensors
            }
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => host.StartAsync(cancellation.Token).Soon());

        Assert.Throws<InvalidOperationException>(() => EngineOf(host).MaxContextTokens);
        Assert.DoesNotContain(log.Entries, entry => entry.Event.Name == "Ready");
    }

    [Fact]
    public async Task Stop_CompletesWhatRunsAndWaits_RefusesTheRest_AndGivesMemoryBack()
    {
        using var log = new RecordingLoggerFactory();
        using IHost host = Build(log, null, ("MaxConcurrentReplies", "1"));
        await host.StartAsync(Cancellation);
        BloomEngine engine = EngineOf(host);
        await engine.LoadAsync(cancellationToken: Cancellation).Soon();
        Task<List<GenerationDelta>> running = engine.Collect(GoldenEngine.Sampled(1, 400), Cancellation);
        Task<List<GenerationDelta>> waiting = engine.Collect(GoldenEngine.Sampled(2, 5), Cancellation);

        Task stop = host.StopAsync(CancellationToken.None);
        await Until(() => log.Entries.Any(entry => entry.Event.Name == "Draining"));
        EngineStoppingException refused = await Assert.ThrowsAsync<EngineStoppingException>(
            () => host.Services.GetRequiredService<IChatClient>().GetResponseAsync("Hi", cancellationToken: Cancellation).Soon());

        Assert.Contains("is shutting down and takes no more requests", refused.Message, StringComparison.Ordinal);
        List<GenerationDelta> reply = await running.Soon();
        Assert.Equal((400, ChatFinishReason.Length), (reply.Count, reply[^1].FinishReason));
        Assert.Equal(5, (await waiting.Soon()).Count);
        await stop.Soon();
        Assert.Empty(engine.DeviceMemory);
        Assert.Equal(512, engine.MaxContextTokens); // for those who still read their last tokens
        await Assert.ThrowsAsync<EngineStoppingException>(() => engine.Collect(GoldenEngine.Greedy(1), Cancellation).Soon());
        Assert.Contains(log.Entries, entry => entry.Event.Name == "RequestRejected");
        Assert.Single(log.Entries, entry => entry.Event.Name == "ShutDown");
    }

    [Fact]
    public async Task Stop_OutOfTime_EndsWhatIsNotComplete()
    {
        using var log = new RecordingLoggerFactory();
        using IHost host = Build(log, null, ("MaxContextTokens", "131072"), ("MaxConcurrentReplies", "1"));
        await host.StartAsync(Cancellation);
        BloomEngine engine = EngineOf(host);
        (Task begun, Task end) = engine.StartEndless(Cancellation);
        await begun.Soon();
        Task<List<GenerationDelta>> waiting = engine.Collect(GoldenEngine.Greedy(1), Cancellation);
        using var time = new CancellationTokenSource();

        Task stop = host.StopAsync(time.Token);
        await Until(() => log.Entries.Any(entry => entry.Event.Name == "Draining"));
        Assert.False(end.IsCompleted);
        await time.CancelAsync();

        await Record.ExceptionAsync(() => stop.Soon()); // whether the host itself counts that as an error is its own affair
        EngineStoppingException error = await Assert.ThrowsAsync<EngineStoppingException>(() => end.Soon());
        Assert.Contains("before the reply was complete", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<EngineStoppingException>(() => waiting.Soon());
        await Until(() => engine.DeviceMemory.Count == 0);
        Assert.Equal(LogLevel.Warning, Assert.Single(log.Entries, entry => entry.Event.Name == "DrainCutShort").Level);
    }

    [Fact]
    public async Task Stop_LetsServicesThatWereRegisteredAfterTheEngineUseItToTheEnd()
    {
        using IHost host = Build(null, null, services => services.AddHostedService<LastWords>());
        await host.StartAsync(Cancellation);

        await host.StopAsync(Cancellation).Soon();

        Assert.Equal(3, host.Services.GetServices<IHostedService>().OfType<LastWords>().Single().Tokens);
        await Assert.ThrowsAsync<EngineStoppingException>(() => EngineOf(host).LoadAsync(cancellationToken: Cancellation));
    }

    [Fact]
    public async Task Stop_WhileLoading_EndsTheLoad_AndThoseWhoWaitForIt()
    {
        await using BloomEngine engine = GoldenEngine.Create();
        using var held = new HeldLoad();
        Task load = engine.LoadAsync(held, Cancellation);
        await held.Reached.Soon();
        Task<List<GenerationDelta>> request = engine.Collect(GoldenEngine.Greedy(1), Cancellation);

        Task stop = engine.StopAsync(Cancellation);
        Assert.False(stop.IsCompleted);
        held.Go();

        await stop.Soon();
        foreach (Task refused in new[] { load, request })
        {
            EngineStoppingException error = await Assert.ThrowsAsync<EngineStoppingException>(() => refused.Soon());
            Assert.EndsWith("takes no more requests. Ask another instance, or again once the application runs again.", error.Message, StringComparison.Ordinal); // more time would not help
        }
    }

    [Fact]
    public async Task Stop_WithoutAHost_ManyTimes_BeforeAndAfterDispose_IsQuiet()
    {
        BloomEngine idle = GoldenEngine.Create();
        await idle.StopAsync(Cancellation).Soon();
        await Assert.ThrowsAsync<EngineStoppingException>(() => idle.LoadAsync(cancellationToken: Cancellation));
        await idle.DisposeAsync();
        await idle.StopAsync(Cancellation).Soon();

        BloomEngine engine = GoldenEngine.Create();
        Task<List<GenerationDelta>> reply = engine.Collect(GoldenEngine.Sampled(1, 50), Cancellation);
        await engine.LoadAsync(cancellationToken: Cancellation);
        await Until(() => engine.Status.Steps > 0);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => engine.StopAsync(Cancellation))).Soon();
        Assert.Equal(50, (await reply.Soon()).Count);
        engine.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.LoadAsync(cancellationToken: Cancellation));
    }

    [Fact]
    public async Task Dispose_DuringAStop_EndsItAtOnce()
    {
        BloomEngine engine = GoldenEngine.CreateForEndless();
        (Task begun, Task end) = engine.StartEndless(Cancellation);
        await begun.Soon();
        Task stop = engine.StopAsync(Cancellation);

        await engine.DisposeAsync();

        await stop.Soon();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => end.Soon());
    }

    private static IHost Build(ILoggerFactory? log, string? key, params (string Key, string Value)[] values) => Build(log, key, _ => { }, values);

    private static IHost Build(ILoggerFactory? log, string? key, Action<IServiceCollection> configure, params (string Key, string Value)[] values)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(settings: null);
        IEnumerable<(string Key, string Value)> usual = [("Model", GoldenEngine.Folder), ("Devices:0", "cpu"), ("MaxContextTokens", "512")];
        builder.Configuration.AddInMemoryCollection(
            usual.Where(pair => values.All(value => value.Key != pair.Key)).Concat(values).Select(pair => KeyValuePair.Create($"Bloom:{pair.Key}", (string?)pair.Value)));
        IConfigurationSection section = builder.Configuration.GetSection("Bloom");
        _ = key is null ? builder.Services.AddBloomChatClient(section) : builder.Services.AddBloomChatClient(key, section);
        configure(builder.Services);
        if (log is not null)
        {
            builder.Services.AddSingleton(log);
        }

        return builder.Build();
    }

    private static BloomEngine EngineOf(IHost host, string? key = null) => host.Services.GetRequiredKeyedService<BloomEngine>(key);

    private static async Task Until(Func<bool> isSo)
    {
        for (int i = 0; !isSo(); i++)
        {
            Assert.True(i < 6000, "It did not come.");
            await Task.Delay(10, Cancellation);
        }
    }

    /// <summary>Asks for a reply while it is being stopped, as a web server's last request does.</summary>
    private sealed class LastWords(BloomEngine engine) : IHostedService
    {
        public int Tokens { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public async Task StopAsync(CancellationToken cancellationToken) => Tokens = (await engine.Collect(GoldenEngine.Sampled(1, 3), cancellationToken)).Count;
    }
}
