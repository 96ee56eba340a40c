using LocalBloom.AI.Engine;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LocalBloom.AI.Diagnostics;

/// <summary>Asks an engine for one token, as a user would.</summary>
/// <param name="engine">The engine.</param>
/// <param name="patience">How long the token may take.</param>
/// <param name="time">By which that is measured.</param>
internal sealed class BloomHealthCheck(BloomEngine engine, TimeSpan patience, TimeProvider time) : IHealthCheck
{
    // So many times its patience a step may be under way before it is one that will not end: a long prompt's takes minutes on a slow CPU.
    private const int LongestStep = 30;

    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(5);

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        HealthStatus failure = context.Registration.FailureStatus;
        var data = new Dictionary<string, object> // as it was before this check's own request
        {
            ["model"] = engine.ModelId,
            ["queued_requests"] = engine.QueuedRequests,
            ["running_replies"] = engine.Status.RunningReplies,
        };
        (HealthStatus status, string what, Exception? error) = engine.State switch
        {
            (EngineState.NotLoaded, _) => (HealthStatus.Healthy, "is not loaded yet; the first request loads it", null),
            (EngineState.Loading, _) => (HealthStatus.Degraded, "is being loaded", null),
            (EngineState.Failed, _) => await LoadAsync(failure, cancellationToken).ConfigureAwait(false),
            (EngineState.Stopping, _) => (failure, "is shutting down", null),
            _ => await TryOutAsync(failure, cancellationToken).ConfigureAwait(false),
        };
        return new HealthCheckResult(status, $"{engine.ModelId} {what.TrimEnd('.')}.", error, data);
    }

    // Nobody may send requests to what is unhealthy: then nothing but this check would find out that the model can be loaded by now.
    private async Task<(HealthStatus Status, string What, Exception? Error)> LoadAsync(HealthStatus failure, CancellationToken cancellationToken)
    {
        try
        {
            await engine.LoadAsync(cancellationToken: CancellationToken.None).WaitAsync(patience, time, cancellationToken).ConfigureAwait(false);
            return await TryOutAsync(failure, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return (HealthStatus.Degraded, "is being loaded", null);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return (failure, $"does not run: {e.Message}", e);
        }
    }

    private async Task<(HealthStatus Status, string What, Exception? Error)> TryOutAsync(HealthStatus failure, CancellationToken cancellationToken)
    {
        long steps = engine.Status.Steps;
        string waited = $"within {patience.TotalSeconds:0.###} s";
        using var timer = new CancellationTokenSource(patience, time);
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timer.Token);
        try
        {
            await engine.TryOutAsync(promptTokens: 1, newTokens: 1, bound.Token).ConfigureAwait(false);
            return (HealthStatus.Healthy, "generates tokens", null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Advances(steps)
                ? (HealthStatus.Degraded, $"is busy: it gave no token {waited}, but serves others", null)
                : (failure, $"is stuck: it gave no token and ended no step {waited}", null);
        }
        catch (EngineBusyException e)
        {
            // The queue of an engine that is stuck is full before long, too.
            return await AdvancesAsync(steps, bound.Token, cancellationToken).ConfigureAwait(false)
                ? (HealthStatus.Degraded, $"is busy: {e.Message}", null)
                : (failure, $"is stuck: its queue is full, and it ended no step {waited}", null);
        }
        catch (Exception e) when (e is LocalBloomException or ObjectDisposedException)
        {
            return (failure, $"generates no tokens: {e.Message}", e);
        }
    }

    private async Task<bool> AdvancesAsync(long steps, CancellationToken bound, CancellationToken cancellationToken)
    {
        while (engine.Status.Steps == steps && !bound.IsCancellationRequested)
        {
            await Task.Delay(s_pollInterval, cancellationToken).ConfigureAwait(false);
        }

        return Advances(steps);
    }

    // The age first: a step that ends between the two is counted.
    private bool Advances(long steps) => engine.Status.StepAge < LongestStep * patience || engine.Status.Steps > steps;
}
