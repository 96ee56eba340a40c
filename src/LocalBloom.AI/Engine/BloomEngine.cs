using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
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
/// The model is loaded on first use or by <see cref="LoadAsync"/>. Requests are served one after the other, in the order of arrival.
/// All members are safe for concurrent use. Disposing ends running requests with <see cref="ObjectDisposedException"/> and gives all memory back.
/// </remarks>
public sealed class BloomEngine : IGenerationEngine, IDisposable, IAsyncDisposable
{
    private readonly BloomChatClientOptions _options;
    private readonly ILogger _logger;
    private readonly Func<BloomChatClientOptions, TorchNative, (IWeightSource Source, BloomTokenizer? Tokenizer)> _open;
    private readonly Channel<Sequence> _requests = Channel.CreateUnbounded<Sequence>(new() { SingleReader = true });
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private Task<LoadedModel>? _loading;
    private Thread? _thread;
    private LocalBloomException? _stopReason;
    private bool _isDisposed;

    /// <summary>Initializes a new instance of the <see cref="BloomEngine"/> class. Nothing is loaded yet.</summary>
    /// <param name="options">The model and how to run it; read when the model is loaded.</param>
    /// <param name="loggerFactory">Where to log; nowhere if null.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The options cannot work; the message says what to change.</exception>
    public BloomEngine(BloomChatClientOptions options, ILoggerFactory? loggerFactory = null)
        : this(options, loggerFactory, ModelFolder.Open) =>
        BloomChatClientOptionsValidator.ThrowIfInvalid(options);

    private BloomEngine(
        BloomChatClientOptions options, ILoggerFactory? loggerFactory, Func<BloomChatClientOptions, TorchNative, (IWeightSource Source, BloomTokenizer? Tokenizer)> open)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.Copy(); // later changes of the caller's have no effect
        _logger = loggerFactory?.CreateLogger<BloomEngine>() ?? NullLogger<BloomEngine>.Instance;
        _open = open;
        if (string.IsNullOrWhiteSpace(_options.Model) && DemoModel.Find() is { } demo)
        {
            _options.Model = demo;
        }

        ModelId = ModelFolder.NameOf(_options.Model);
    }

    /// <summary>Gets the model's name: the hub id, or the checkpoint folder's name.</summary>
    public string ModelId { get; }

    /// <summary>Gets the most tokens that prompt and reply have together.</summary>
    /// <exception cref="InvalidOperationException">The model is not loaded.</exception>
    public int MaxContextTokens => Loaded.Plan.Footprint.ContextTokens;

    /// <summary>Gets the bytes that the engine took of each device, by device name.</summary>
    /// <exception cref="InvalidOperationException">The model is not loaded.</exception>
    public IReadOnlyDictionary<string, long> DeviceMemory => Loaded.Arenas.ToDictionary(arena => arena.Device.ToString(), arena => arena.Capacity);

    private LoadedModel Loaded =>
        _isDisposed ? throw new ObjectDisposedException(nameof(BloomEngine)) :
        _stopReason is { } reason ? throw new LocalBloomException(reason.Message, reason) :
        _loading is { IsCompletedSuccessfully: true } loading ? loading.Result :
        throw new InvalidOperationException($"The model is not loaded. Await {nameof(LoadAsync)} first.");

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
        while (true)
        {
            (Task<LoadedModel> loading, bool isOwn) = StartOrJoin(progress, cancellationToken);
            try
            {
                // An own load ends by the same token, and only once all it took is given back.
                await (isOwn ? loading : loading.WaitAsync(cancellationToken)).ConfigureAwait(false);
                return;
            }
            catch (OperationCanceledException) when (!isOwn && !cancellationToken.IsCancellationRequested)
            {
                // Whoever started that load cancelled it; that is no reason to fail here.
            }
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

    /// <summary>Generates one sequence, loading the model first if need be.</summary>
    /// <param name="request">Prompt, length and sampling.</param>
    /// <param name="cancellationToken">Ends the generation at the next step.</param>
    /// <returns>A delta for each generated token; the last one says why it is the last.</returns>
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
        request = request with { PromptIds = [.. request.PromptIds ?? []] }; // what was checked is what is computed
        GenerationRequestValidator.Validate(request, model.Config.VocabularySize, MaxContextTokens);

        var sequence = new Sequence(request, model.Tokenizer, model.Config.EosTokenIds, MaxContextTokens, cancellationToken);
        ObjectDisposedException.ThrowIf(!_requests.Writer.TryWrite(sequence), this);

        try
        {
            await foreach (GenerationDelta delta in sequence.Output.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return delta;
            }
        }
        finally
        {
            sequence.Abandon();
        }
    }

    /// <summary>Ends running requests, waits for the engine thread and gives all memory back.</summary>
    public void Dispose()
    {
        Thread? thread;
        lock (_lock)
        {
            _isDisposed = true;
            thread = _thread;
        }

        _requests.Writer.TryComplete();
        _stopping.Cancel();
        if (thread != Thread.CurrentThread)
        {
            thread?.Join(); // a progress callback disposes from the engine thread itself: that ends once the callback returns
        }
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync() => await Task.Run(Dispose).ConfigureAwait(false);

    /// <summary>Makes an engine with random weights of a known shape, for measurements. It has no text.</summary>
    /// <param name="shape">For example <c>7b1</c>; see <see cref="BloomConfig.ForShape"/>.</param>
    /// <param name="options">How to run it; <see cref="BloomChatClientOptions.Model"/> is not read.</param>
    /// <param name="loggerFactory">Where to log; nowhere if null.</param>
    internal static BloomEngine WithRandomWeights(string shape, BloomChatClientOptions options, ILoggerFactory? loggerFactory = null)
    {
        options = options.Copy();
        options.Model = $"random-{shape}";
        return new BloomEngine(options, loggerFactory, (_, _) => (new RandomWeights(BloomConfig.ForShape(shape)), null));
    }

    private (Task<LoadedModel> Loading, bool IsOwn) StartOrJoin(IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_loading is { IsFaulted: false, IsCanceled: false })
            {
                return (_loading, false);
            }

            cancellationToken.ThrowIfCancellationRequested();
            var loaded = new TaskCompletionSource<LoadedModel>(TaskCreationOptions.RunContinuationsAsynchronously);
            _loading = loaded.Task;
            _thread = new Thread(() => Run(loaded, progress, cancellationToken)) { Name = $"BLOOM {ModelId}", IsBackground = true };
            _thread.Start();
            return (_loading, true);
        }
    }

    private void Run(TaskCompletionSource<LoadedModel> loaded, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        LoadedModel model;
        try
        {
            using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, cancellationToken);
            model = Load(progress, cancelled.Token);
        }
        catch (OperationCanceledException)
        {
            _ = _stopping.IsCancellationRequested ? loaded.TrySetException(new ObjectDisposedException(nameof(BloomEngine))) : loaded.TrySetCanceled(cancellationToken);
            return;
        }
        catch (Exception e)
        {
            // Torch's own errors carry pages of native frames.
            bool isExplained = e is LocalBloomException or ArgumentException or OutOfMemoryException;
            loaded.TrySetException(isExplained ? e : new LocalBloomException($"Loading failed: {e.Message.Split('\n', 2)[0]}", e));
            return;
        }

        loaded.TrySetResult(model);
        try
        {
            using (model)
            using (inference_mode())
            {
                new GenerationLoop(model, _requests.Reader, _logger).Run(_stopping.Token);
            }
        }
        catch (Exception e)
        {
            // A device that is lost, or a logger that throws: the process goes on, and everybody who waits is told.
            EndAll(new LocalBloomException($"The engine stopped: {e.Message.Split('\n', 2)[0]}", e));
        }
    }

    private void EndAll(LocalBloomException error)
    {
        _stopReason = error;
        _requests.Writer.TryComplete(error);
        while (_requests.Reader.TryRead(out Sequence? waiting))
        {
            waiting.End(error);
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

            LoadedModel model = new EngineFactory(_options, native, _logger).Build(source, tokenizer, new LoggedProgress(_logger, progress), cancellationToken);
            EngineLog.Ready(_logger, ModelId, Stopwatch.GetElapsedTime(start).TotalSeconds);
            return model;
        }
    }
}
