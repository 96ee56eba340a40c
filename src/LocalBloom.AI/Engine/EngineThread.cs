using LocalBloom.AI.Diagnostics;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace LocalBloom.AI.Engine;

/// <summary>The thread that loads the model, runs it, and gives its memory back: tensors are touched on it alone. Safe for concurrent use.</summary>
/// <param name="modelId">The model's name, for people.</param>
/// <param name="load">Loads the model, on the thread.</param>
/// <param name="requests">Where requests wait.</param>
/// <param name="status">Told what the thread is doing.</param>
/// <param name="metrics">Told what was computed.</param>
/// <param name="logger">Told of failures.</param>
internal sealed class EngineThread(
    string modelId,
    Func<IProgress<LoadProgress>?, CancellationToken, LoadedModel> load,
    RequestQueue requests,
    EngineStatus status,
    EngineMetrics metrics,
    ILogger logger) : IDisposable
{
    private readonly CacheBlockPool _noBlocks = new(0); // requests that wait have none
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private Task<LoadedModel>? _loading;
    private Task _ended = Task.CompletedTask;
    private Thread? _thread;
    private LocalBloomException? _stopReason;
    private bool _isStopping;
    private bool _isDisposed;

    /// <summary>Gets the model. Once the engine has shut down, but is not disposed, its sizes and its tokenizer are still there.</summary>
    /// <exception cref="InvalidOperationException">It is not loaded.</exception>
    public LoadedModel Model =>
        _isDisposed ? throw new ObjectDisposedException(nameof(BloomEngine)) :
        _stopReason is { } reason ? throw new LocalBloomException(reason.Message, reason) :
        _loading is { IsCompletedSuccessfully: true } loading ? loading.Result :
        throw new InvalidOperationException($"The model is not loaded. Await {nameof(LoadAsync)} first.");

    /// <summary>Gets where the engine is in its life, and what made it fail.</summary>
    public (EngineState State, Exception? Error) State
    {
        get
        {
            lock (_lock)
            {
                return
                    _isStopping || _isDisposed ? (EngineState.Stopping, null) :
                    _stopReason is { } reason ? (EngineState.Failed, reason) :
                    _loading is null or { IsCanceled: true } ? (EngineState.NotLoaded, null) :
                    _loading.IsFaulted ? (EngineState.Failed, _loading.Exception.InnerException) :
                    (_loading.IsCompleted ? EngineState.Ready : EngineState.Loading, null);
            }
        }
    }

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
    /// <exception cref="EngineStoppingException">The engine shuts down.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    /// <exception cref="LocalBloomException">The engine stopped.</exception>
    public void Enqueue(Generation generation)
    {
        if (!requests.TryAdd(generation))
        {
            throw _stopReason is { } reason ? new LocalBloomException(reason.Message, reason) : Gone(wasUnderWay: false);
        }
    }

    /// <inheritdoc cref="BloomEngine.StopAsync"/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Task ended;
        bool isLoading;
        lock (_lock)
        {
            _isStopping = true;
            (ended, isLoading) = (_ended, _loading is { IsCompleted: false });
        }

        if (!isLoading && !ended.IsCompleted)
        {
            EngineLog.Draining(logger, modelId, status.RunningReplies, requests.Count);
        }

        requests.StopAdding();
        if (isLoading && _loading is { IsCompleted: false }) // what was queued while it completed is served
        {
            await _stopping.CancelAsync().ConfigureAwait(false); // nobody could use that model
        }

        using (cancellationToken.Register(CutShort))
        {
            await ended.ConfigureAwait(false);
        }

        void CutShort()
        {
            if (!_stopping.IsCancellationRequested && !ended.IsCompleted)
            {
                EngineLog.DrainCutShort(logger, modelId, status.RunningReplies, requests.Count);
                _stopping.Cancel();
            }
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
            if (_isDisposed || _isStopping)
            {
                throw Gone(wasUnderWay: false);
            }

            if (_stopReason is { } reason)
            {
                throw new LocalBloomException(reason.Message, reason);
            }

            if (_loading is { IsFaulted: false, IsCanceled: false })
            {
                return (_loading, false);
            }

            cancellationToken.ThrowIfCancellationRequested();
            var loaded = new TaskCompletionSource<LoadedModel>(TaskCreationOptions.RunContinuationsAsynchronously);
            var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            (_loading, _ended) = (loaded.Task, ended.Task);
            _thread = new Thread(() =>
            {
                try
                {
                    Run(loaded, progress, cancellationToken);
                }
                finally
                {
                    ended.SetResult();
                }
            })
            { Name = $"BLOOM {modelId}", IsBackground = true };
            _thread.UnsafeStart(); // it serves everybody: the first caller's trace and scopes are not its own
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
            // A shutdown waits for no load: more time would not have helped.
            _ = _stopping.IsCancellationRequested ? loaded.TrySetException(Gone(wasUnderWay: false)) : loaded.TrySetCanceled(cancellationToken);
            return;
        }
        catch (Exception e)
        {
            // Torch's own errors carry pages of native frames.
            bool isExplained = e is LocalBloomException or ArgumentException or OutOfMemoryException;
            Exception error = isExplained ? e : new LocalBloomException($"Loading failed: {e.Message.Split('\n', 2)[0]}", e);
            EngineLog.LoadFailed(logger, modelId, error.Message, isExplained ? null : e); // whoever asked for the load has the exception; a message for people needs no trace
            loaded.TrySetException(error);
            return;
        }

        status.Hold(model);
        loaded.TrySetResult(model);
        try
        {
            using (model)
            using (inference_mode())
            {
                new GenerationLoop(model, requests, status, metrics, logger).Run(() => Gone(wasUnderWay: true), _stopping.Token);
            }

            status.Release();
            EngineLog.ShutDown(logger, modelId, model.DescribeMemory());
        }
        catch (Exception e)
        {
            // A device that is lost: the process goes on, and everybody who waits is told.
            var error = new LocalBloomException($"The engine stopped: {e.Message.Split('\n', 2)[0]}", e);
            _stopReason = error;
            status.Release();
            EndWaiting(error);
            EngineLog.EngineFailed(logger, modelId, error);
        }
    }

    private Exception Gone(bool wasUnderWay) => _isDisposed ? new ObjectDisposedException(nameof(BloomEngine)) : new EngineStoppingException(modelId, wasUnderWay);

    private void EndWaiting(Exception error)
    {
        foreach (Generation waiting in requests.Close())
        {
            waiting.End(_noBlocks, error);
        }
    }
}
