using System.Runtime.CompilerServices;
using LocalBloom.AI.Chat;
using LocalBloom.AI.Engine;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace LocalBloom.AI;

/// <summary>A chat client whose replies come from a BLOOM model that runs in this process.</summary>
/// <remarks>
/// <para>The model is loaded by the first request, or before by <see cref="LoadAsync"/>. Requests may be made concurrently.</para>
/// <para>
/// Without options the most probable token is taken each time; <see cref="ChatOptions.TopP"/> or <see cref="ChatOptions.TopK"/> without
/// <see cref="ChatOptions.Temperature"/> mean a temperature of 1. <see cref="ChatOptions.AdditionalProperties"/> may hold a
/// <c>repetition_penalty</c>; other keys are ignored and logged. <see cref="ChatOptions.RawRepresentationFactory"/> may return
/// <see cref="SamplingSettings"/>: they replace all sampling options, save that a missing seed is taken from <see cref="ChatOptions.Seed"/>.
/// </para>
/// <para>
/// What cannot be honoured is refused with a <see cref="NotSupportedException"/> that names it: tools (unless <see cref="ChatOptions.ToolMode"/>
/// is <see cref="ChatToolMode.None"/>), response formats other than text, another model's name, stored conversations, reasoning, background
/// responses, roles other than system, user and assistant, and contents other than text. Reasoning text of other models is left out and logged.
/// </para>
/// </remarks>
public sealed class BloomChatClient : IChatClient
{
    // Nothing listens: the model runs in this process. Telemetry wants an address with a port, and 0 is the port that nobody can have.
    private static readonly Uri s_providerUri = new("http://127.0.0.1:0");

    private readonly IGenerationEngine _engine;
    private readonly bool _ownsEngine;
    private readonly ChatRequestMapper _mapper;
    private readonly ChatClientMetadata _metadata;
    private readonly ILogger _logger;
    private bool _disposed;

    /// <summary>Initializes a new instance of the <see cref="BloomChatClient"/> class with an engine of its own. Nothing is loaded yet.</summary>
    /// <param name="options">Which checkpoint to load and how to run it.</param>
    /// <param name="loggerFactory">Where to log, if anywhere.</param>
    /// <exception cref="OptionsValidationException">The options cannot work; the message says what to change.</exception>
    public BloomChatClient(BloomChatClientOptions options, ILoggerFactory? loggerFactory = null)
        : this(new BloomEngine(options, loggerFactory), ownsEngine: true, options, loggerFactory)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="BloomChatClient"/> class over a given engine.</summary>
    internal BloomChatClient(IGenerationEngine engine, bool ownsEngine, BloomChatClientOptions options, ILoggerFactory? loggerFactory = null)
    {
        _engine = engine;
        _ownsEngine = ownsEngine;
        _mapper = new ChatRequestMapper(engine.ModelId, options.PromptTemplate, options.MaxOutputTokens);
        _metadata = new ChatClientMetadata("localbloom", s_providerUri, engine.ModelId);
        _logger = loggerFactory?.CreateLogger<BloomChatClient>() ?? NullLogger<BloomChatClient>.Instance;
    }

    /// <summary>Loads the model unless it is loaded, so that the first request need not wait for it. Concurrent calls share one load.</summary>
    /// <param name="progress">Receives how far the loading has come.</param>
    /// <param name="cancellationToken">Cancels the load if this call started it, else only the wait for it.</param>
    /// <exception cref="LocalBloomException">The model cannot be loaded; the message says what to do.</exception>
    public Task LoadAsync(IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _engine.LoadAsync(progress, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    /// <remarks>Messages and options are read before this method returns; nothing is loaded before the first update is asked for.</remarks>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ChatRequest request = _mapper.Map(messages, options, this);
        if (request.Ignored.Count > 0)
        {
            ChatLog.RequestPartsIgnored(_logger, _engine.ModelId, string.Join(", ", request.Ignored));
        }

        return StreamAsync(request, cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);

        return
            serviceKey is not null ? null :
            serviceType == typeof(ChatClientMetadata) ? _metadata :
            serviceType.IsInstanceOfType(this) ? this :
            serviceType == typeof(IGenerationEngine) ? _engine :
            serviceType == typeof(BloomEngine) ? _engine as BloomEngine :
            null;
    }

    /// <summary>Disposes the engine, unless it belongs to a service container: running requests end with <see cref="ObjectDisposedException"/>.</summary>
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

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(ChatRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        await _engine.LoadAsync(cancellationToken: CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false); // others may wait for the load too

        IReadOnlyList<int> promptIds = _engine.Encode(request.Prompt);
        var updates = new ResponseUpdates(_engine.ModelId);
        ChatFinishReason? finishReason = null;
        int generatedTokens = 0;
        IAsyncEnumerable<GenerationDelta> deltas = _engine.GenerateAsync(request.WithPromptIds(promptIds), cancellationToken);
        await foreach (GenerationDelta delta in deltas.ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            generatedTokens++;
            finishReason = delta.FinishReason;
            if (delta.Text.Length > 0)
            {
                yield return updates.Text(delta.Text);
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        yield return updates.Last(
            finishReason ?? throw new LocalBloomException("The engine ended a reply without a reason. Please report this as a defect."),
            promptIds.Count,
            generatedTokens);
    }
}
