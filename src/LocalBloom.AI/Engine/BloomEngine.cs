using LocalBloom.AI.Engine;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI;

/// <summary>A stand-in for the engine, which is written elsewhere: it checks its options and knows its name, and can do nothing else.</summary>
public sealed class BloomEngine : IGenerationEngine, IAsyncDisposable
{
    private bool _disposed;

    /// <summary>Initializes a new instance of the <see cref="BloomEngine"/> class; the model is not loaded yet.</summary>
    /// <param name="options">Which checkpoint to load and how to run it.</param>
    /// <param name="loggerFactory">Where to log, if anywhere.</param>
    public BloomEngine(BloomChatClientOptions options, ILoggerFactory? loggerFactory = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        BloomChatClientOptionsValidator.ThrowIfInvalid(options);
        _ = loggerFactory;
        ModelId = options.Model;
    }

    /// <inheritdoc/>
    public string ModelId { get; }

    /// <inheritdoc/>
    public Task LoadAsync(IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        throw new LocalBloomException("This engine is a stand-in.");
    }

    /// <inheritdoc/>
    public IReadOnlyList<int> Encode(IReadOnlyList<PromptPart> prompt) => throw new LocalBloomException("This engine is a stand-in.");

    /// <inheritdoc/>
    public IAsyncEnumerable<GenerationDelta> GenerateAsync(GenerationRequest request, CancellationToken cancellationToken = default) =>
        throw new LocalBloomException("This engine is a stand-in.");

    /// <inheritdoc/>
    public void Dispose() => _disposed = true;

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}
