using System.Diagnostics.Metrics;
using LocalBloom.AI.Engine;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Diagnostics;

/// <summary>The engine's instruments. Names follow OpenTelemetry's conventions, units are UCUM's. Safe for concurrent use.</summary>
/// <remarks>
/// A factory's meter is shared by the engines of a container and lives as long as it; this engine's part of it falls silent when disposed, and
/// its callbacks then hold nothing of the engine.
/// </remarks>
internal sealed class EngineMetrics : IDisposable
{
    /// <summary>The name by which listeners find the instruments.</summary>
    public const string MeterName = "LocalBloom.AI";

    // Those of OpenTelemetry's gen_ai.server metrics, with finer steps where tokens take milliseconds and further ones where prompts take minutes.
    private static readonly double[] s_firstTokenSeconds = [0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120];
    private static readonly double[] s_tokenSeconds = [0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2.5];

    private readonly ILogger _logger;
    private readonly Meter _meter;
    private readonly KeyValuePair<string, object?>[] _tags;
    private readonly Histogram<double>? _timeToFirstToken;
    private readonly Histogram<double>? _timePerOutputToken;
    private readonly Counter<long>? _promptTokens;
    private readonly Counter<long>? _outputTokens;
    private readonly Counter<long>? _preemptions;
    private readonly Counter<long>? _rejectedRequests;
    private volatile Source? _source;

    /// <summary>Initializes a new instance of the <see cref="EngineMetrics"/> class.</summary>
    /// <param name="factory">Makes the meter; null for one of its own.</param>
    /// <param name="model">The model's name, a tag of every measurement.</param>
    /// <param name="key">The key that the engine is registered under, a tag where there is one.</param>
    /// <param name="queue">Where requests wait.</param>
    /// <param name="status">What the engine is doing.</param>
    /// <param name="logger">Told of listeners that fail.</param>
    public EngineMetrics(IMeterFactory? factory, string model, string? key, RequestQueue queue, EngineStatus status, ILogger logger)
    {
        _logger = logger;
        var options = new MeterOptions(MeterName) { Version = typeof(EngineMetrics).Assembly.GetName().Version?.ToString(3) };
        _meter = factory is null ? new Meter(options) : factory.Create(options);
        _tags = key is null ? [new("gen_ai.request.model", model)] : [new("gen_ai.request.model", model), new("localbloom.key", key)];
        _source = new Source(queue, status);

        Watch("localbloom.queued_requests", "{request}", "Requests that wait to be computed.", source => source.Queue.Count);
        Watch("localbloom.running_replies", "{reply}", "Replies, and texts to embed, that are being computed together.", source => source.Status.RunningReplies);
        Watch("localbloom.cache.usage", "{block}", "Blocks of the key and value cache that are in use.", source => source.Status.UsedCacheBlocks);
        Watch("localbloom.cache.limit", "{block}", "Blocks that the key and value cache has.", source => source.Status.CacheBlocks);
        _ = Create("localbloom.device.memory", name => _meter.CreateObservableGauge(name, MeasureMemory, "By", "Memory that the engine holds, by device."));

        _timeToFirstToken = Time("localbloom.time_to_first_token", "Time from a request to its first token, waiting included.", s_firstTokenSeconds);
        _timePerOutputToken = Time("localbloom.time_per_output_token", "Time of each further token of a reply, the mean over the reply.", s_tokenSeconds);
        _promptTokens = Count("localbloom.prompt_tokens", "{token}", "Tokens of the prompts, and texts to embed, that were begun.");
        _outputTokens = Count("localbloom.output_tokens", "{token}", "Tokens that were generated.");
        _preemptions = Count("localbloom.preemptions", "{preemption}", "Replies that had to give their cache back, to be computed again.");
        _rejectedRequests = Count("localbloom.rejected_requests", "{request}", "Requests that were not taken.");
    }

    /// <summary>Counts what a step began, generated and took back.</summary>
    public void AddStep(int promptTokens, int outputTokens, long preemptions)
    {
        Add(_promptTokens, promptTokens, _tags);
        Add(_outputTokens, outputTokens, _tags);
        Add(_preemptions, preemptions, _tags);
    }

    /// <summary>Counts a request that was not taken.</summary>
    public void AddRejected(Exception reason) => Add(_rejectedRequests, 1, [.. _tags, new("error.type", reason.GetType().FullName)]);

    /// <summary>Records the times of a request that has ended.</summary>
    /// <param name="timing">When its tokens came.</param>
    /// <param name="isSteady">Whether tokens came as they were computed.</param>
    public void Record(TokenTiming timing, bool isSteady)
    {
        Record(_timeToFirstToken, timing.ToFirst);
        Record(_timePerOutputToken, isSteady ? timing.PerToken : null);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _source = null;
        try
        {
            _meter.Dispose();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            EngineLog.ListenerFailed(_logger, MeterName, e.Message);
        }
    }

    // Listeners are called in line, when an instrument is made, too. One that throws must end neither a request nor the engine.
    private T? Create<T>(string name, Func<string, T> create)
        where T : Instrument
    {
        try
        {
            return create(name);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            EngineLog.ListenerFailed(_logger, name, e.Message);
            return null;
        }
    }

    private static void Add(Counter<long>? counter, long value, KeyValuePair<string, object?>[] tags)
    {
        try
        {
            if (value > 0)
            {
                counter?.Add(value, tags);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
        }
    }

    private void Record(Histogram<double>? histogram, TimeSpan? time)
    {
        try
        {
            if (time is { } known)
            {
                histogram?.Record(known.TotalSeconds, _tags);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
        }
    }

    private Counter<long>? Count(string name, string unit, string description) => Create(name, known => _meter.CreateCounter<long>(known, unit, description));

    private Histogram<double>? Time(string name, string description, double[] bounds) =>
        Create(name, known => _meter.CreateHistogram(known, "s", description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds }));

    private void Watch(string name, string unit, string description, Func<Source, int> measure) => _ = Create(name, known => _meter.CreateObservableUpDownCounter(
        known, () => _source is { } source ? [new Measurement<int>(measure(source), _tags)] : Array.Empty<Measurement<int>>(), unit, description));

    private IEnumerable<Measurement<long>> MeasureMemory() =>
        _source is { } source ? source.Status.DeviceMemory.Select(device => new Measurement<long>(device.Value, [.. _tags, new("device", device.Key)])) : [];

    private sealed record Source(RequestQueue Queue, EngineStatus Status);
}
