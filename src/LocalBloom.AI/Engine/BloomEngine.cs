using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using LocalBloom.AI.Diagnostics;
using LocalBloom.AI.Engine;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Text;
using LocalBloom.AI.Weights;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using static TorchSharp.torch;

namespace LocalBloom.AI;

/// <summary>A BLOOM model and the thread that runs it: token ids in, tokens and their text out.</summary>
/// <remarks>
/// The model is loaded on first use or by <see cref="LoadAsync"/>. Requests are served together:
/// each joins and leaves between steps, first come first served where <see cref="BloomChatClientOptions.MaxConcurrentReplies"/> are under way.
/// All members are safe for concurrent use. Disposing ends running requests with <see cref="ObjectDisposedException"/> and gives all memory back;
/// <see cref="StopAsync"/> lets them complete first. Its instruments are those of the meter <c>LocalBloom.AI</c>.
/// </remarks>
public sealed class BloomEngine : IGenerationEngine, IDisposable, IAsyncDisposable
{
    private readonly BloomChatClientOptions _options;
    private readonly ILogger _logger;
    private readonly Func<BloomChatClientOptions, TorchNative, (IWeightSource Source, BloomTokenizer? Tokenizer)> _open;
    private readonly RequestQueue _requests;
    private readonly EngineMetrics _metrics;
    private readonly RequestReport _report;
    private readonly EngineThread _thread;

    /// <summary>Initializes a new instance of the <see cref="BloomEngine"/> class. Nothing is loaded yet.</summary>
    /// <param name="options">The model and how to run it; read when the model is loaded.</param>
    /// <param name="loggerFactory">Where to log; nowhere if null.</param>
    /// <param name="meterFactory">Makes the meter; the engine has one of its own if null.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The options cannot work; the message says what to change.</exception>
    public BloomEngine(BloomChatClientOptions options, ILoggerFactory? loggerFactory = null, IMeterFactory? meterFactory = null)
        : this(options, loggerFactory, meterFactory, key: null, isHosted: false)
    {
    }

    /// <summary>Initializes a new instance of the <see cref="BloomEngine"/> class that is registered under a key.</summary>
    internal BloomEngine(BloomChatClientOptions options, ILoggerFactory? loggerFactory, IMeterFactory? meterFactory, string? key, bool isHosted)
        : this(Validated(options), loggerFactory, meterFactory, key, ModelFolder.Open)
    {
        EngineTrial.TellIfNobodyWarmsUp(_options, isHosted, _logger, ModelId);
    }

    private BloomEngine(
        BloomChatClientOptions options,
        ILoggerFactory? loggerFactory,
        IMeterFactory? meterFactory,
        string? key,
        Func<BloomChatClientOptions, TorchNative, (IWeightSource Source, BloomTokenizer? Tokenizer)> open)
    {
        _options = options.Copy(); // later changes of the caller's have no effect
        _logger = new QuietLogger(loggerFactory?.CreateLogger<BloomEngine>() ?? NullLogger<BloomEngine>.Instance);
        _open = open;
        if (string.IsNullOrWhiteSpace(_options.Model) && DemoModel.Find() is { } demo)
        {
            _options.Model = demo;
        }

        ModelId = ModelFolder.NameOf(_options.Model);
        _requests = new RequestQueue(_options.MaxQueuedRequests);
        _metrics = new EngineMetrics(meterFactory, ModelId, key, _requests, Status, _logger);
        _report = new RequestReport(_logger, _metrics, ModelId);
        _thread = new EngineThread(ModelId, Load, _requests, Status, _metrics, _logger);
    }

    /// <summary>Gets the model's name: the hub id, or the checkpoint folder's name.</summary>
    public string ModelId { get; }

    /// <summary>Gets the most tokens that prompt and reply have together.</summary>
    /// <exception cref="InvalidOperationException">The model is not loaded.</exception>
    public int MaxContextTokens => Loaded.Plan.Footprint.ContextTokens;

    /// <summary>Gets the numbers of a hidden state, and of an embedding.</summary>
    /// <exception cref="InvalidOperationException">The model is not loaded.</exception>
    public int HiddenSize => Loaded.Config.HiddenSize;

    /// <summary>Gets the bytes that the engine holds of each device, by device name; none once it has shut down.</summary>
    /// <exception cref="InvalidOperationException">The model is not loaded.</exception>
    public IReadOnlyDictionary<string, long> DeviceMemory
    {
        get
        {
            _ = Loaded;
            return Status.DeviceMemory;
        }
    }

    /// <summary>Gets the most tokens that one step computes, of all requests together.</summary>
    internal int StepTokens => Loaded.Plan.Footprint.StepRows;

    /// <summary>Gets the tokens of all requests together that the cache has room for.</summary>
    internal int CacheTokens => Loaded.Plan.Footprint.CacheBlocks * LayerCache.BlockSize;

    /// <summary>Gets or sets what makes of a plan the one that is built, for measurements; read when the model is loaded.</summary>
    internal Func<Placement.DevicePlan, Placement.DevicePlan>? Arrange { get; set; }

    /// <summary>Gets what the engine is doing.</summary>
    internal EngineStatus Status { get; } = new();

    /// <summary>Gets how many requests may wait.</summary>
    internal int QueueCapacity => _options.MaxQueuedRequests;

    /// <summary>Gets where it is logged what an engine is asked for; it throws nothing.</summary>
    internal ILogger Logger => _logger;

    /// <summary>Gets how many requests wait.</summary>
    internal int QueuedRequests => _requests.Count;

    /// <summary>Gets where the engine is in its life, and what made it fail.</summary>
    internal (EngineState State, Exception? Error) State => _thread.State;

    private LoadedModel Loaded => _thread.Model;

    private BloomTokenizer Tokenizer =>
        Loaded.Tokenizer ?? throw new InvalidOperationException("This model has random weights and no tokenizer: give token ids to the engine.");

    /// <summary>Gets which device holds what, for people: a line for each device.</summary>
    /// <exception cref="InvalidOperationException">The model is not loaded.</exception>
    public string DescribePlan() => Loaded.Plan.ToString();

    /// <summary>Loads the model unless it is loaded. Calls at the same time share one load; after a failure the next call tries again.</summary>
    /// <param name="progress">Told after each tensor, on the engine thread, if this call starts the load.</param>
    /// <param name="cancellationToken">Cancels the load if this call started it, else only the wait for it.</param>
    /// <exception cref="LocalBloomException">The checkpoint, the devices or the native libraries are at fault; the message says what to do.</exception>
    public async Task LoadAsync(IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        try
        {
            await _thread.LoadAsync(progress, cancellationToken).ConfigureAwait(false);
        }
        catch (EngineStoppingException e)
        {
            _report.Rejected(e); // a request's first step
            throw;
        }
    }

    /// <summary>Encodes a prompt on the calling thread, refusing what cannot fit the context before it is encoded.</summary>
    /// <param name="prompt">Text and special tokens in order; text never becomes a special token.</param>
    /// <returns>Token ids, at least one, fewer than <see cref="MaxContextTokens"/>.</returns>
    /// <exception cref="InvalidOperationException">The model is not loaded, or has no tokenizer.</exception>
    /// <exception cref="ContextOverflowException">The prompt leaves no room for a reply.</exception>
    /// <exception cref="ArgumentException">There is no text, or a part names a special token that the vocabulary lacks.</exception>
    public IReadOnlyList<int> Encode(IReadOnlyList<PromptPart> prompt) => Tokenizer.Encode(prompt, MaxContextTokens);

    /// <summary>Counts the tokens of a text by itself; in a prompt, a token may span the end of one text and the beginning of the next.</summary>
    /// <param name="text">Any text; what looks like a special token is counted as text.</param>
    /// <returns>0 for an empty text, else at least 1.</returns>
    /// <exception cref="InvalidOperationException">The model is not loaded, or has no tokenizer.</exception>
    public int CountTokens(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Tokenizer.Encode(text).Count;
    }

    /// <inheritdoc/>
    ReadOnlyMemory<byte> IGenerationEngine.TokenBytes(int tokenId) => Tokenizer.GetTokenBytes(tokenId);

    /// <inheritdoc/>
    PromptTemplate? IGenerationEngine.FindDeclaredTemplate() => ModelFolder.FindDeclaredTemplate(_options.Model);

    /// <summary>Generates the replies to a prompt, loading the model first if need be.</summary>
    /// <param name="request">Prompt, length and sampling.</param>
    /// <param name="cancellationToken">Ends the generation at the next step.</param>
    /// <returns>A delta for each generated token, those of several replies mixed; each reply's last one says why it is the last.</returns>
    /// <exception cref="EngineBusyException">As many requests wait as may.</exception>
    /// <exception cref="EngineStoppingException">The engine is shutting down.</exception>
    /// <exception cref="GenerationTimeoutException">It took longer than allowed.</exception>
    /// <exception cref="LocalBloomException">The model cannot be loaded, or a step failed; the message says what to do.</exception>
    /// <exception cref="ContextOverflowException">The prompt leaves no room for a reply.</exception>
    /// <exception cref="ArgumentException">The request is out of its ranges; the message names the property.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public async IAsyncEnumerable<GenerationDelta> GenerateAsync(
        GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        await LoadAsync(progress: null, CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false); // others may wait for the load too
        LoadedModel model = Loaded;
        request = request.Copy(); // what was checked is what is computed
        GenerationRequestValidator.Validate(request, model.Config.VocabularySize, model.Plan.Footprint);

        var generation = TextGeneration.Create(request, ReplyLimits.Of(request, model), _options.RequestTimeout, cancellationToken);
        Enqueue(generation);
        try
        {
            await foreach (GenerationDelta delta in generation.Output.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return delta;
            }
        }
        finally
        {
            generation.Abandon();
            _report.Ended(generation);
        }
    }

    /// <summary>Gets the mean of the hidden states after the last norm, over all tokens of a text: texts of like meaning give like directions.</summary>
    /// <param name="ids">The text's tokens, [1 … <see cref="MaxContextTokens"/>].</param>
    /// <param name="cancellationToken">Ends the computation at the next step.</param>
    /// <returns>[hidden], float32.</returns>
    /// <exception cref="LocalBloomException">The model cannot be loaded, or a step failed; the message says what to do.</exception>
    /// <exception cref="ContextOverflowException">The text is longer than the context.</exception>
    /// <exception cref="ArgumentException">There is no token, or one is not in the vocabulary.</exception>
    public async Task<ReadOnlyMemory<float>> EmbedAsync(IReadOnlyList<int> ids, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ids);
        await LoadAsync(progress: null, CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false); // others may wait for the load too
        ids = [.. ids];
        GenerationRequestValidator.ValidateIds(ids, Loaded.Config.VocabularySize, MaxContextTokens);
        var generation = new EmbeddingGeneration(ids, _options.RequestTimeout, cancellationToken);
        Enqueue(generation);
        try
        {
            return await generation.Result.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            generation.Abandon();
            _report.Ended(generation);
        }
    }

    /// <summary>Shuts down: takes no more requests, lets those that were taken complete, and gives all memory back. A load that is under way ends.</summary>
    /// <remarks>A host does so when it stops, for the engines of its container. Further calls wait for the same end.</remarks>
    /// <param name="cancellationToken">Says that the time is over: what is not complete then ends with <see cref="EngineStoppingException"/>, at the next step.</param>
    /// <returns>A task that ends, without an error, once the memory is given back.</returns>
    public Task StopAsync(CancellationToken cancellationToken = default) => _thread.StopAsync(cancellationToken);

    /// <summary>Ends running requests, waits for the engine thread and gives all memory back.</summary>
    public void Dispose()
    {
        _thread.Dispose();
        _metrics.Dispose();
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync() => await Task.Run(Dispose).ConfigureAwait(false);

    /// <summary>Makes an engine with random weights of a known shape, for measurements. It has no text.</summary>
    /// <param name="shape">For example <c>7b1</c>; see <see cref="BloomConfig.ForShape"/>.</param>
    /// <param name="options">How to run it; <see cref="BloomChatClientOptions.Model"/> is not read.</param>
    /// <param name="loggerFactory">Where to log; nowhere if null.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The options cannot work; the message says what to change.</exception>
    internal static BloomEngine WithRandomWeights(string shape, BloomChatClientOptions options, ILoggerFactory? loggerFactory = null)
    {
        options = options.Copy();
        options.Model = $"random-{shape}";
        return new BloomEngine(Validated(options), loggerFactory, meterFactory: null, key: null, (_, _) => (new RandomWeights(BloomConfig.ForShape(shape)), null));
    }

    private static BloomChatClientOptions Validated(BloomChatClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        BloomChatClientOptionsValidator.ThrowIfInvalid(options);
        return options;
    }

    private void Enqueue(Generation generation)
    {
        try
        {
            _thread.Enqueue(generation);
        }
        catch (LocalBloomException e)
        {
            _report.Rejected(e);
            throw;
        }
    }

    private LoadedModel Load(IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        EngineLog.Loading(_logger, _options.Model);
        var native = TorchNative.Load(_options.LibTorchPath);
        using var inference = inference_mode();
        (IWeightSource source, BloomTokenizer? tokenizer) = _open(_options, native);
        using (source)
        {
            foreach (string note in source.Notes)
            {
                EngineLog.Note(_logger, note);
            }

            LoadedModel model = new EngineFactory(_options, native, _logger) { Arrange = Arrange }.Build(source, tokenizer, new LoggedProgress(_logger, progress), cancellationToken);
            EngineLog.Ready(_logger, ModelId, Stopwatch.GetElapsedTime(start).TotalSeconds, model.DescribeMemory());
            return model;
        }
    }
}
