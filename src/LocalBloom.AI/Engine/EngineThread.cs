using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace LocalBloom.AI.Engine;

/// <summary>The thread that loads the model, runs it, and gives its memory back: tensors are touched on it alone. Safe for concurrent use.</summary>
/// <param name="name">The thread's name.</param>
/// <param name="load">Loads the model, on the thread.</param>
/// <param name="requests">Where requests wait.</param>
/// <param name="logger">Told of failures.</param>
internal sealed class EngineThread(
    string name, Func<IProgress<LoadProgress>?, CancellationToken, LoadedModel> load, RequestQueue requests, ILogger logger) : IDisposable
{
    private readonly CacheBlockPool _noBlocks = new(0); // requests that wait have none
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private Task<LoadedModel>? _loading;
    private Thread? _thread;
    private LocalBloomException? _stopReason;
    private bool _isDisposed;

    /// <summary>Gets the model.</summary>
    /// <exception cref="InvalidOperationException">It is not loaded.</exception>
    public LoadedModel Model =>
        _isDisposed ? throw new ObjectDisposedException(nameof(BloomEngine)) :
        _stopReason is { } reason ? throw new LocalBloomException(reason.Message, reason) :
        _loading is { IsCompletedSuccessfully: true } loading ? loading.Result :
        throw new InvalidOperationException($"The model is not loaded. Await {nameof(LoadAsync)} first.");

    /// <inheritdoc cref="BloomEngine.LoadAsync"/>
    public async Task LoadAsync(IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
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

    /// <summary>Adds a request.</summary>
    /// <exception cref="EngineBusyException">As many wait as may.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    /// <exception cref="LocalBloomException">The engine stopped.</exception>
    public void Enqueue(Generation generation)
    {
        if (!requests.TryAdd(generation))
        {
            throw _stopReason is { } reason ? new LocalBloomException(reason.Message, reason) : new ObjectDisposedException(nameof(BloomEngine));
        }
    }

    /// <summary>Ends all requests, waits for the thread and gives all memory back.</summary>
    public void Dispose()
    {
        Thread? thread;
        lock (_lock)
        {
            _isDisposed = true;
            thread = _thread;
        }

        _stopping.Cancel();
        EndWaiting(new ObjectDisposedException(nameof(BloomEngine)));
        if (thread != Thread.CurrentThread)
        {
            thread?.Join(); // a progress callback disposes from the engine thread itself: that ends once the callback returns
        }
    }

    private (Task<LoadedModel> Loading, bool IsOwn) StartOrJoin(IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, typeof(BloomEngine));
            if (_loading is { IsFaulted: false, IsCanceled: false })
            {
                return (_loading, false);
            }

            cancellationToken.ThrowIfCancellationRequested();
            var loaded = new TaskCompletionSource<LoadedModel>(TaskCreationOptions.RunContinuationsAsynchronously);
            _loading = loaded.Task;
            _thread = new Thread(() => Run(loaded, progress, cancellationToken)) { Name = name, IsBackground = true };
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
            model = load(progress, cancelled.Token);
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
                new GenerationLoop(model, requests, model.Plan.Footprint.MaxSequences, logger).Run(_stopping.Token);
            }
        }
        catch (Exception e)
        {
            // A device that is lost, or a logger that throws: the process goes on, and everybody who waits is told.
            var error = new LocalBloomException($"The engine stopped: {e.Message.Split('\n', 2)[0]}", e);
            _stopReason = error;
            EndWaiting(error);
        }
    }

    private void EndWaiting(Exception error)
    {
        foreach (Generation waiting in requests.Close())
        {
            waiting.End(_noBlocks, error);
        }
    }
}
