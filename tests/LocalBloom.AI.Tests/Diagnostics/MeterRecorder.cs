using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace LocalBloom.AI.Tests.Diagnostics;

/// <summary>Keeps what the instruments of one engine measure; engines of other tests have meters of the same name.</summary>
internal sealed class MeterRecorder : IDisposable
{
    private readonly MeterListener _listener = new();
    private Dictionary<string, double> _observed = [];

    /// <summary>Initializes a new instance of the <see cref="MeterRecorder"/> class.</summary>
    /// <param name="factory">Whose meters to listen to; null for any.</param>
    /// <param name="model">The model whose measurements to keep.</param>
    public MeterRecorder(IMeterFactory? factory, string model)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "LocalBloom.AI" && (factory is null || instrument.Meter.Scope == factory))
            {
                Instruments.Add(instrument);
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.MeasurementsCompleted = (instrument, _) => Completed.Add(instrument);
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Record(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Record(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Record(instrument, value, tags));
        _listener.Start();

        void Record(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            Dictionary<string, object?> kept = new(tags.ToArray());
            if (model.Equals(kept["gen_ai.request.model"]))
            {
                if (instrument.IsObservable)
                {
                    _observed[instrument.Name] = value; // on the thread that observes
                    return;
                }

                Measurements.Add((instrument.Name, value, kept));
                Measured(instrument.Name);
            }
        }
    }

    public ConcurrentBag<Instrument> Instruments { get; } = [];

    public ConcurrentBag<Instrument> Completed { get; } = [];

    public ConcurrentBag<(string Name, double Value, Dictionary<string, object?> Tags)> Measurements { get; } = [];

    /// <summary>Gets or sets what happens, on the measuring thread, once a measurement is kept.</summary>
    public Action<string> Measured { get; set; } = _ => { };

    public double[] Values(string name) => [.. Measurements.Where(measurement => measurement.Name == name).Select(measurement => measurement.Value)];

    /// <summary>Reads all observable instruments now. Not for concurrent use.</summary>
    public Dictionary<string, double> Observe()
    {
        _observed = [];
        _listener.RecordObservableInstruments();
        return _observed;
    }

    /// <summary>Reads all observable instruments until they say what is expected, or for so long as a busy machine needs.</summary>
    public async Task<Dictionary<string, double>> ObserveUntil(Func<Dictionary<string, double>, bool> isExpected)
    {
        for (int i = 0; i < 3000; i++)
        {
            Dictionary<string, double> observed = Observe();
            if (isExpected(observed))
            {
                return observed;
            }

            await Task.Delay(10);
        }

        throw new TimeoutException($"The instruments say {string.Join(", ", Observe())}.");
    }

    public void Dispose() => _listener.Dispose();
}
