// Stand-in for the engine that is being written elsewhere: enough for the command-line programs to build and be tried. Overwrite at merge.
#pragma warning disable CS1591, CA1822, IDE0060
using System.Runtime.CompilerServices;
using LocalBloom.AI.Engine;
using LocalBloom.AI.Text;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI;

public sealed class BloomEngine : IGenerationEngine, IDisposable
{
    private readonly BloomChatClientOptions _options;
    private readonly bool _text;

    public BloomEngine(BloomChatClientOptions options, ILoggerFactory? loggerFactory = null)
        : this(options, text: true)
    {
    }

    private BloomEngine(BloomChatClientOptions options, bool text) => (_options, _text) = (options, text);

    public string ModelId => _options.Model;

    public int MaxContextTokens => _options.MaxContextTokens ?? 2048;

    public IReadOnlyDictionary<string, long> DeviceMemory { get; } = new Dictionary<string, long> { ["cpu"] = 123_456_789 };

    BloomTokenizer IGenerationEngine.Tokenizer { get; } = new();

    public string DescribePlan() => "cpu: layers 0-1, 0.1 GB (stand-in)";

    public async Task LoadAsync(IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (_text && !Directory.Exists(_options.Model))
        {
            throw new CheckpointException(_options.Model, "there is no such folder, and no such model in the local cache.");
        }

        for (int i = 1; i <= 8; i++)
        {
            await Task.Delay(50, cancellationToken).ConfigureAwait(false);
            progress?.Report(new LoadProgress(i * 10_000_000, 80_000_000, $"h.{i}"));
        }
    }

    public async IAsyncEnumerable<GenerationDelta> GenerateAsync(
        GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        for (int i = 0; i < request.MaxNewTokens; i++)
        {
            await Task.Delay(5, cancellationToken).ConfigureAwait(false);
            yield return new GenerationDelta(i, _text ? $"词{i} " : "", i + 1 == request.MaxNewTokens ? ChatFinishReason.Length : null);
        }
    }

    public void Dispose()
    {
    }

    internal static BloomEngine WithRandomWeights(string shape, BloomChatClientOptions options, ILoggerFactory? loggerFactory = null) =>
        new(options, text: false);
}
