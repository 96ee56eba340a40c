using System.Diagnostics.Metrics;
using LocalBloom.AI.Chat;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI;

/// <summary>Embeds texts as the mean of BLOOM's last hidden states, after the last norm, over all tokens of the text.</summary>
/// <remarks>
/// The vectors are not normalised: compare their directions (cosine). BLOOM was not trained for retrieval; texts that share words and topic
/// come near each other. May be called concurrently, and shares the engine with a chat client: texts join the same steps as its requests.
/// </remarks>
public sealed class BloomEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    // So many texts of one call are under way at once; the engine would queue more, and other callers behind them.
    private const int MaxConcurrentTexts = 16;

    private readonly BloomEngine _engine;
    private readonly bool _ownsEngine;
    private readonly EmbeddingGeneratorMetadata _metadata;
    private bool _disposed;

    /// <summary>Initializes a new instance of the <see cref="BloomEmbeddingGenerator"/> class over an engine, which stays its owner's.</summary>
    /// <param name="engine">The engine, for example that of a <see cref="BloomChatClient"/>, by its <c>GetService</c>.</param>
    public BloomEmbeddingGenerator(BloomEngine engine)
        : this(engine, ownsEngine: false)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="BloomEmbeddingGenerator"/> class with an engine of its own. Nothing is loaded yet.</summary>
    /// <param name="options">Which checkpoint to load and how to run it.</param>
    /// <param name="loggerFactory">Where to log, if anywhere.</param>
    /// <param name="meterFactory">Makes the engine's meter; it has one of its own if null.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The options cannot work; the message says what to change.</exception>
    public BloomEmbeddingGenerator(BloomChatClientOptions options, ILoggerFactory? loggerFactory = null, IMeterFactory? meterFactory = null)
        : this(new BloomEngine(options, loggerFactory, meterFactory), ownsEngine: true)
    {
    }

    private BloomEmbeddingGenerator(BloomEngine engine, bool ownsEngine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        _engine = engine;
        _ownsEngine = ownsEngine;
        _metadata = new EmbeddingGeneratorMetadata(BloomChatClient.ProviderName, BloomChatClient.ProviderUri, engine.ModelId);
    }

    /// <summary>Embeds texts.</summary>
    /// <param name="values">Texts, each of at least one token and shorter than the context.</param>
    /// <param name="options"><see cref="EmbeddingGenerationOptions.Dimensions"/> and <see cref="EmbeddingGenerationOptions.ModelId"/> must be null or the model's own.
    /// Additional properties are ignored and logged.</param>
    /// <param name="cancellationToken">Ends the computation at the next step.</param>
    /// <returns>An embedding for each text, in order; [hidden], float32.</returns>
    /// <exception cref="ArgumentException">A text is null or empty; the message says which.</exception>
    /// <exception cref="NotSupportedException">An option asks for what this model does not give.</exception>
    /// <exception cref="ContextOverflowException">A text is longer than the context; the message says which.</exception>
    /// <exception cref="LocalBloomException">The model cannot be loaded, or a step failed; the message says what to do.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        ObjectDisposedException.ThrowIf(_disposed, this);
        string[] texts = [.. values];
        for (int i = 0; i < texts.Length; i++)
        {
            if (string.IsNullOrEmpty(texts[i]))
            {
                throw new ArgumentException($"Text {i} of {texts.Length} is {(texts[i] is null ? "null" : "empty")}. Each must have at least one character.", nameof(values));
            }
        }

        if (options?.ModelId is { } model && model != _engine.ModelId)
        {
            throw new NotSupportedException($"EmbeddingGenerationOptions.ModelId '{model}' was asked for, but this generator runs '{_engine.ModelId}'. Leave it null.");
        }

        if (options?.RawRepresentationFactory is not null)
        {
            throw new NotSupportedException("EmbeddingGenerationOptions.RawRepresentationFactory is not supported: there is nothing to set. Leave it null.");
        }

        if (options?.AdditionalProperties is { Count: > 0 } properties)
        {
            ChatLog.RequestPartsIgnored(_engine.Logger, _engine.ModelId, string.Join(", ", properties.Keys.Select(key => $"AdditionalProperties[{key}]")));
        }

        await _engine.LoadAsync(cancellationToken: CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false); // others may wait for the load too
        if (options?.Dimensions is { } dimensions && dimensions != _engine.HiddenSize)
        {
            throw new NotSupportedException($"EmbeddingGenerationOptions.Dimensions {dimensions} was asked for, but this model gives {_engine.HiddenSize}. Leave it null.");
        }

        return await EmbedAsync(texts, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);

        return
            serviceKey is not null ? null :
            serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata :
            serviceType.IsInstanceOfType(this) ? this :
            serviceType == typeof(BloomEngine) ? _engine :
            null;
    }

    /// <summary>Disposes the engine if it is this generator's own.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            if (_ownsEngine)
            {
                _engine.Dispose();
            }
        }
    }

    private async Task<GeneratedEmbeddings<Embedding<float>>> EmbedAsync(string[] texts, CancellationToken cancellationToken)
    {
        var embeddings = new Embedding<float>[texts.Length];
        long tokens = 0;
        int concurrent = Math.Min(MaxConcurrentTexts, _engine.QueueCapacity); // a call must not fill the queue that it waits in
        var limits = new ParallelOptions { MaxDegreeOfParallelism = concurrent, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, texts.Length, limits, async (i, stopping) =>
        {
            IReadOnlyList<int> ids = Encode(texts, i);
            Interlocked.Add(ref tokens, ids.Count);
            embeddings[i] = new Embedding<float>(await _engine.EmbedAsync(ids, stopping).ConfigureAwait(false))
            {
                ModelId = _engine.ModelId,
                CreatedAt = DateTimeOffset.UtcNow,
            };
        }).ConfigureAwait(false);
        return new GeneratedEmbeddings<Embedding<float>>(embeddings) { Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens } };
    }

    private IReadOnlyList<int> Encode(string[] texts, int i)
    {
        try
        {
            return _engine.Encode([new PromptPart(texts[i])]);
        }
        catch (ContextOverflowException e)
        {
            throw new ContextOverflowException(i, texts.Length, e);
        }
    }
}
