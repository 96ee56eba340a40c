using System.Diagnostics.Metrics;
using LocalBloom.AI.Tests.Chat;
using LocalBloom.AI.Tests.Engine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Tests.Diagnostics;

/// <summary>An engine over the reference checkpoint, its log and its measurements.</summary>
internal sealed class WatchedEngine : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public WatchedEngine(Action<BloomChatClientOptions>? configure = null)
    {
        Options = new BloomChatClientOptions { Model = GoldenEngine.Folder, Devices = ["cpu"], MaxContextTokens = 131_072, MaxConcurrentReplies = 1 };
        configure?.Invoke(Options);
        IMeterFactory factory = _services.GetRequiredService<IMeterFactory>();
        Meter = new MeterRecorder(factory, Path.GetFileName(Options.Model));
        Engine = new BloomEngine(Options, Log, factory);
    }

    public BloomChatClientOptions Options { get; }

    public RecordingLoggerFactory Log { get; } = new() { Least = LogLevel.Trace };

    public MeterRecorder Meter { get; }

    public BloomEngine Engine { get; }

    public string[] Events => [.. Log.Entries.Select(entry => entry.Event.Name!)];

    public string TextOf(string name) => Assert.Single(Log.Entries, entry => entry.Event.Name == name).Text;

    public void Dispose()
    {
        Engine.Dispose();
        Meter.Dispose();
        Log.Dispose();
        _services.Dispose();
    }
}
