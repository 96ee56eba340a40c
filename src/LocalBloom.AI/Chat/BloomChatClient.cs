using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using System.Text;
using LocalBloom.AI.Chat;
using LocalBloom.AI.Diagnostics;
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
/// <see cref="ChatOptions.Temperature"/> mean a temperature of 1. <see cref="ChatOptions.RawRepresentationFactory"/> may return
/// <see cref="SamplingSettings"/>: they replace all sampling options, save that a missing seed is taken from <see cref="ChatOptions.Seed"/>.
/// </para>
/// <para>
/// <see cref="ChatOptions.AdditionalProperties"/> may hold, as numbers of any type or as text: <c>repetition_penalty</c>, [0.001 … 1000];
/// <c>min_tokens</c>, before which no end-of-sequence token ends the reply; <c>logit_bias</c>, a dictionary of at most 1,024 token ids and numbers from −100 to 100;
/// <c>logprobs</c> (true) and <c>top_logprobs</c>, [0 … 20]; <c>n</c>, how many replies to make, [1 … 16]; <c>num_beams</c>, [n … 16], for beam search,
/// which takes no temperature, top-k, top-p or penalties, and its <c>length_penalty</c>; <c>priority</c>, a whole number, the highest first;
/// <c>timeout_seconds</c>, above 0. Other keys are ignored and logged.
/// </para>
/// <para>
/// The last update, the message and <see cref="GetResponseAsync"/>'s response have in their <c>AdditionalProperties</c>: <c>logprobs</c>, if asked for, a
/// list of <see cref="TokenLikelihood"/> with every token of the reply (an update with text has those tokens that came since the last such update);
/// <c>replies</c>, where <c>n</c> is above 1, a list of <see cref="ReplyCandidate"/>, best first; <c>dropped_messages</c>, where
/// <see cref="BloomChatClientOptions.HistoryPolicy"/> left some out, their number: turns are left out until the reply has room for what was asked
/// for or for a quarter of the context, whichever is less. Of several replies the message is the best: the first of beam
/// search, else the most probable. It then comes as a whole, once all have ended; usage counts the tokens of all.
/// </para>
/// <para>
/// A reply ends at <see cref="ChatOptions.StopSequences"/>, each of at most 1,024 characters, or at those of the prompt template: together at most 64.
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
    internal static readonly Uri ProviderUri = new("http://127.0.0.1:0");

    internal const string ProviderName = "localbloom";

    private readonly IGenerationEngine _engine;
    private readonly bool _ownsEngine;
    private readonly ChatHistoryPolicy _historyPolicy;
    private readonly ChatRequestMapper _mapper;
    private readonly ChatClientMetadata _metadata;
    private readonly QuietLogger _logger;
    private bool _disposed;

    /// <summary>Initializes a new instance of the <see cref="BloomChatClient"/> class with an engine of its own. Nothing is loaded yet.</summary>
    /// <param name="options">Which checkpoint to load and how to run it.</param>
    /// <param name="loggerFactory">Where to log, if anywhere.</param>
    /// <param name="meterFactory">Makes the engine's meter; it has one of its own if null.</param>
    /// <exception cref="OptionsValidationException">The options cannot work; the message says what to change.</exception>
    public BloomChatClient(BloomChatClientOptions options, ILoggerFactory? loggerFactory = null, IMeterFactory? meterFactory = null)
        : this(new BloomEngine(options, loggerFactory, meterFactory), ownsEngine: true, options, loggerFactory)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="BloomChatClient"/> class over a given engine.</summary>
    internal BloomChatClient(IGenerationEngine engine, bool ownsEngine, BloomChatClientOptions options, ILoggerFactory? loggerFactory = null)
    {
        PromptTemplate? given = options.PromptTemplate;
        _engine = engine;
        _ownsEngine = ownsEngine;
        _historyPolicy = options.HistoryPolicy;
        _mapper = new ChatRequestMapper(
            engine.ModelId, new Lazy<PromptTemplate>(() => given ?? engine.FindDeclaredTemplate() ?? PromptTemplate.Bloomz), options.MaxOutputTokens);
        _metadata = new ChatClientMetadata(ProviderName, ProviderUri, engine.ModelId);
        _logger = new QuietLogger(loggerFactory?.CreateLogger<BloomChatClient>() ?? NullLogger<BloomChatClient>.Instance);
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
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ChatResponse response = await GetStreamingResponseAsync(messages, options, cancellationToken)
            .ToChatResponseAsync(cancellationToken).ConfigureAwait(false);
        response.AdditionalProperties ??= response.Messages[^1].AdditionalProperties?.Clone(); // folding gives them to the message alone
        return response;
    }

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

        EncodedPrompt prompt = EncodedPrompt.Encode(request, _historyPolicy, _engine, cancellationToken);
        if (prompt.DroppedMessages > 0)
        {
            ChatLog.MessagesDropped(
                _logger, prompt.DroppedMessages, request.Conversation.Count, _engine.ModelId, prompt.ReplyTokens, _engine.MaxContextTokens);
        }

        LogPrompt(prompt.Ids);
        var reader = new ReplyReader(request, prompt, _engine);
        IAsyncEnumerable<GenerationDelta> deltas = _engine.GenerateAsync(request.WithPromptIds(prompt.Ids), cancellationToken);
        await foreach (GenerationDelta delta in deltas.ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (reader.Add(delta) is { } update)
            {
                yield return update;
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        LogReplies(reader);
        foreach (ChatResponseUpdate update in reader.End())
        {
            yield return update;
        }
    }

    private void LogPrompt(IReadOnlyList<int> ids)
    {
        if (_logger.IsEnabled(LogLevel.Trace))
        {
            ChatLog.Prompt(_logger, _engine.ModelId, Encoding.UTF8.GetString([.. ids.SelectMany(id => _engine.TokenBytes(id).ToArray())]));
        }
    }

    private void LogReplies(ReplyReader reader)
    {
        if (_logger.IsEnabled(LogLevel.Trace))
        {
            foreach ((string text, int i) in reader.Texts.Select((text, i) => (text, i)))
            {
                ChatLog.Reply(_logger, i, _engine.ModelId, text);
            }
        }
    }
}
