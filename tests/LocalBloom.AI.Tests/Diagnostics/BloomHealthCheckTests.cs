using LocalBloom.AI.Diagnostics;
using LocalBloom.AI.Tests.Engine;
using LocalBloom.AI.Tests.Loading;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Time.Testing;

namespace LocalBloom.AI.Tests.Diagnostics;

public class BloomHealthCheckTests
{
    private static readonly TimeSpan s_ample = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task NotLoaded_IsHealthy_AndStaysNotLoaded()
    {
        await using ServiceProvider services = Build();

        HealthReportEntry entry = await Check(services);

        Assert.Equal((HealthStatus.Healthy, "safetensors-f16-stops is not loaded yet; the first request loads it."), (entry.Status, entry.Description));
        Assert.Throws<InvalidOperationException>(() => services.GetRequiredService<BloomEngine>().MaxContextTokens);
    }

    [Fact]
    public async Task Loaded_GeneratesAToken()
    {
        await using ServiceProvider services = Build();
        BloomEngine engine = services.GetRequiredService<BloomEngine>();
        await engine.LoadAsync(cancellationToken: Cancellation).Soon();

        HealthReportEntry entry = await Check(services);

        Assert.Equal((HealthStatus.Healthy, "safetensors-f16-stops generates tokens."), (entry.Status, entry.Description));
        Assert.Equal("safetensors-f16-stops", entry.Data["model"]);
        await engine.StopAsync(Cancellation).Soon();
        Assert.Equal(1, engine.Status.Steps); // one token, and no more
    }

    [Fact]
    public async Task Loading_IsDegraded_AndDoesNotWait()
    {
        await using ServiceProvider services = Build();
        using var held = new HeldLoad();
        Task load = services.GetRequiredService<BloomEngine>().LoadAsync(held, Cancellation);
        await held.Reached.Soon();

        HealthReportEntry entry = await Check(services);
        held.Go();
        await load.Soon();

        Assert.Equal((HealthStatus.Degraded, "safetensors-f16-stops is being loaded."), (entry.Status, entry.Description));
    }

    [Fact]
    public async Task LoadFailed_IsUnhealthy_AndSaysWhy()
    {
        await using ServiceProvider services = Build(configure: options => options.Model = "/no/such/model");
        LocalBloomException error = await Assert.ThrowsAnyAsync<LocalBloomException>(
            () => services.GetRequiredService<BloomEngine>().LoadAsync(cancellationToken: Cancellation));

        HealthReportEntry entry = await Check(services);

        Assert.Equal(HealthStatus.Unhealthy, entry.Status);
        Assert.Equal(error.Message, entry.Exception?.Message);
        Assert.Contains(error.Message, entry.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LoadFailed_TriesAgain_BecauseNobodyElseMay()
    {
        using var parent = new TemporaryFolder();
        string late = Path.Combine(parent.Path, "model");
        await using ServiceProvider services = Build(configure: options => options.Model = late);
        await Assert.ThrowsAnyAsync<LocalBloomException>(() => services.GetRequiredService<BloomEngine>().LoadAsync(cancellationToken: Cancellation));
        Assert.Equal(HealthStatus.Unhealthy, (await Check(services)).Status);

        Directory.CreateSymbolicLink(late, GoldenEngine.Folder);

        Assert.Equal(HealthStatus.Healthy, (await Check(services)).Status);
    }

    [Theory]
    [InlineData(1, "safetensors-f16-stops is busy: 1 requests wait for the model already")] // the queue is full
    [InlineData(9, "safetensors-f16-stops is busy: it gave no token within 60 s, but serves others.")]
    public async Task Busy_IsDegraded(int maxQueued, string expected)
    {
        var time = new FakeTimeProvider();
        await using ServiceProvider services = Build(
            time: time,
            configure: options => (options.MaxContextTokens, options.MaxConcurrentReplies, options.MaxQueuedRequests) = (131_072, 1, maxQueued));
        BloomEngine engine = services.GetRequiredService<BloomEngine>();
        (Task begun, Task end) = engine.StartEndless(Cancellation);
        await begun.Soon();
        Task<List<GenerationDelta>> waiting = engine.Collect(GoldenEngine.Greedy(1), Cancellation);

        Task<HealthReportEntry> check = Check(services);
        while (!check.IsCompleted)
        {
            long steps = engine.Status.Steps;
            await Until(() => check.IsCompleted || engine.Status.Steps > steps);
            time.Advance(s_ample / 2); // a step at least has ended between the start and the end of the check's patience
        }

        HealthReportEntry entry = await check;

        Assert.Equal(HealthStatus.Degraded, entry.Status);
        Assert.StartsWith(expected, entry.Description, StringComparison.Ordinal);
        Assert.Equal((1, 1), (entry.Data["queued_requests"], entry.Data["running_replies"]));
        engine.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => end.Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.Soon());
    }

    [Theory]
    [InlineData(1024, "safetensors-f16-stops is stuck: it gave no token and ended no step within 0.3 s.")]
    [InlineData(1, "safetensors-f16-stops is stuck: its queue is full, and it ended no step within 0.3 s.")]
    public async Task Stuck_IsUnhealthy(int maxQueued, string expected)
    {
        await using ServiceProvider services = Build(TimeSpan.FromSeconds(0.3), configure: options => options.MaxQueuedRequests = maxQueued);
        BloomEngine engine = services.GetRequiredService<BloomEngine>();
        using var hang = new Hang(services);
        await hang.BeginAsync();
        Task<List<GenerationDelta>> waiting = engine.Collect(GoldenEngine.Greedy(1), Cancellation);

        HealthReportEntry entry = await Check(services);
        hang.End();

        Assert.Equal((HealthStatus.Unhealthy, expected), (entry.Status, entry.Description));
        Assert.Single(await waiting.Soon());
        Assert.Equal(HealthStatus.Healthy, (await Check(services)).Status);
    }

    [Fact]
    public async Task AStepUnderWay_IsBusy_UntilItHasTakenFarTooLong()
    {
        await using ServiceProvider services = Build();
        BloomEngine engine = services.GetRequiredService<BloomEngine>();
        using var hang = new Hang(services);
        await hang.BeginAsync();
        engine.Status.BeginStep();
        await Until(() => engine.Status.StepAge > TimeSpan.FromSeconds(0.03));

        var time = new FakeTimeProvider();
        Task<HealthCheckResult> patient = CheckFor(s_ample, time);
        while (!patient.IsCompleted)
        {
            time.Advance(s_ample);
            await Task.Delay(1, Cancellation);
        }

        HealthCheckResult busy = await patient;
        HealthCheckResult stuck = await CheckFor(TimeSpan.FromSeconds(0.001), TimeProvider.System).Soon();
        hang.End();

        Assert.Equal((HealthStatus.Degraded, "safetensors-f16-stops is busy: it gave no token within 60 s, but serves others."), (busy.Status, busy.Description));
        Assert.Equal(
            (HealthStatus.Unhealthy, "safetensors-f16-stops is stuck: it gave no token and ended no step within 0.001 s."), (stuck.Status, stuck.Description));

        Task<HealthCheckResult> CheckFor(TimeSpan patience, TimeProvider time)
        {
            var check = new BloomHealthCheck(engine, patience, time);
            var registration = new HealthCheckRegistration("bloom", check, failureStatus: null, tags: null);
            return check.CheckHealthAsync(new HealthCheckContext { Registration = registration }, Cancellation);
        }
    }

    [Fact]
    public async Task Cancelled_Throws()
    {
        await using ServiceProvider services = Build(configure: options => (options.MaxContextTokens, options.MaxConcurrentReplies) = (131_072, 1));
        BloomEngine engine = services.GetRequiredService<BloomEngine>();
        (Task begun, Task end) = engine.StartEndless(Cancellation);
        await begun.Soon();
        using var cancellation = new CancellationTokenSource();

        Task<HealthReport> check = services.GetRequiredService<HealthCheckService>().CheckHealthAsync(cancellation.Token);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => check.Soon());
        engine.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => end.Soon());
    }

    [Fact]
    public async Task ShuttingDown_IsWhatTheRegistrationSays()
    {
        await using ServiceProvider services = Build(failureStatus: HealthStatus.Degraded);
        await services.GetRequiredService<BloomEngine>().StopAsync(Cancellation);

        HealthReportEntry entry = await Check(services);

        Assert.Equal((HealthStatus.Degraded, "safetensors-f16-stops is shutting down."), (entry.Status, entry.Description));
    }

    [Fact]
    public async Task Keyed_ChecksItsOwnEngine_UnderItsOwnName()
    {
        var collection = new ServiceCollection();
        collection.AddLogging();
        collection.AddBloomChatClient("good", options => (options.Model, options.MaxContextTokens) = (GoldenEngine.Folder, 64));
        collection.AddBloomChatClient("bad", options => options.Model = "/no/such/model");
        collection.AddHealthChecks().AddBloom("good", tags: ["ready"]).AddBloom("bad", name: "other", failureStatus: HealthStatus.Degraded);
        await using ServiceProvider services = collection.BuildServiceProvider();
        await services.GetRequiredKeyedService<BloomEngine>("good").LoadAsync(cancellationToken: Cancellation);
        await Record.ExceptionAsync(() => services.GetRequiredKeyedService<BloomEngine>("bad").LoadAsync(cancellationToken: Cancellation));

        HealthReport report = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancellation).Soon();

        Assert.Equal([("bloom:good", HealthStatus.Healthy), ("other", HealthStatus.Degraded)], report.Entries.Select(entry => (entry.Key, entry.Value.Status)).Order());
        Assert.Equal(["ready"], report.Entries["bloom:good"].Tags);
    }

    [Fact]
    public async Task LongestTimeout_IsOneThatATimerCanWait()
    {
        await using ServiceProvider services = Build(timeout: TimeSpan.FromDays(49));
        await services.GetRequiredService<BloomEngine>().LoadAsync(cancellationToken: Cancellation);

        Assert.Equal(HealthStatus.Healthy, (await Check(services)).Status);
    }

    [Fact]
    public void Arguments_ThatCannotWork_Throw()
    {
        IHealthChecksBuilder checks = new ServiceCollection().AddHealthChecks();

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => checks.AddBloom("qa"));
        Assert.Contains("'qa'. Call AddBloomChatClient first", error.Message, StringComparison.Ordinal);
        checks.Services.AddBloomChatClient(options => options.Model = "m");
        Assert.Throws<ArgumentOutOfRangeException>("timeout", () => checks.AddBloom(timeout: TimeSpan.Zero));
        Assert.Throws<ArgumentOutOfRangeException>("timeout", () => checks.AddBloom(timeout: TimeSpan.FromDays(49) + TimeSpan.FromTicks(1)));
        Assert.Throws<ArgumentNullException>("builder", () => ((IHealthChecksBuilder)null!).AddBloom());
    }

    private static ServiceProvider Build(
        TimeSpan? timeout = null, HealthStatus? failureStatus = null, TimeProvider? time = null, Action<BloomChatClientOptions>? configure = null)
    {
        var services = new ServiceCollection();
        services.AddSingleton(time ?? TimeProvider.System);
        services.AddLogging().AddMetrics();
        services.AddBloomChatClient(options =>
        {
            (options.Model, options.Devices, options.MaxContextTokens) = (GoldenEngine.Folder, ["cpu"], 64);
            configure?.Invoke(options);
        });
        services.AddHealthChecks().AddBloom(timeout: timeout ?? s_ample, failureStatus: failureStatus);
        return services.BuildServiceProvider();
    }

    private static async Task<HealthReportEntry> Check(ServiceProvider services)
    {
        HealthReport report = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancellation).Soon();
        return report.Entries["bloom"];
    }

    private static async Task Until(Func<bool> isSo)
    {
        for (int i = 0; !isSo(); i++)
        {
            Assert.True(i < 60_000, "It did not come.");
            await Task.Delay(1, Cancellation);
        }
    }

    /// <summary>Has an engine's thread wait between two steps: it measures its steps itself, in line.</summary>
    private sealed class Hang : IDisposable
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _end = new();
        private readonly BloomEngine _engine;
        private readonly MeterRecorder _meter;

        public Hang(ServiceProvider services)
        {
            _engine = services.GetRequiredService<BloomEngine>();
            _meter = new MeterRecorder(services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), _engine.ModelId)
            {
                Measured = name =>
                {
                    if (name == "localbloom.output_tokens")
                    {
                        _begun.TrySetResult();
                        _end.Wait(Cancellation);
                    }
                },
            };
        }

        public async Task BeginAsync()
        {
            Assert.Single(await _engine.Collect(GoldenEngine.Greedy(1), Cancellation).Soon());
            await _begun.Task.Soon();
        }

        public void End() => _end.Set();

        public void Dispose()
        {
            _end.Set();
            _meter.Dispose();
            _engine.Dispose(); // nothing waits on the event any more
            _end.Dispose();
        }
    }
}
