using LocalBloom.AI.Engine;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LocalBloom.AI.Diagnostics;

/// <summary>Asks an engine for one token, as a user would.</summary>
/// <param name="engine">The engine.</param>
/// <param name="patience">How long the token may take.</param>
internal sealed class BloomHealthCheck(BloomEngine engine, TimeSpan patience) : IHealthCheck
{
    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        HealthStatus failure = context.Registration.FailureStatus;
        (EngineState state, Exception? error) = engine.State;
        switch (state)
        {
            case EngineState.NotLoaded:
                return Result(HealthStatus.Healthy, "is not loaded yet; the first request loads it");
            case EngineState.Loading:
                return Result(HealthStatus.Degraded, "is being loaded");
            case EngineState.Failed:
                return Result(failure, $"does not run: {error!.Message}", error);
            case EngineState.Stopping:
                return Result(failure, "is shutting down");
        }

        long steps = engine.Status.Steps;
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(patience);
        try
        {
            await engine.TryOutAsync(promptTokens: 1, newTokens: 1, bound.Token).ConfigureAwait(false);
            return Result(HealthStatus.Healthy, "generates tokens");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            string waited = $"gave no token within {patience.TotalSeconds:0.###} s";
            return engine.Status.Steps > steps
                ? Result(HealthStatus.Degraded, $"is busy: it {waited}, but serves others")
                : Result(failure, $"is stuck: it {waited}, and ended no step meanwhile");
        }
        catch (EngineBusyException e)
        {
            return Result(HealthStatus.Degraded, $"is busy: {e.Message}");
        }
        catch (Exception e) when (e is LocalBloomException or ObjectDisposedException)
        {
            return Result(failure, $"generates no tokens: {e.Message}", e);
        }
    }

    private HealthCheckResult Result(HealthStatus status, string what, Exception? error = null) => new(
        status,
        $"{engine.ModelId} {what}.".Replace("..", ".", StringComparison.Ordinal),
        error,
        new Dictionary<string, object>
        {
            ["model"] = engine.ModelId,
            ["queued_requests"] = engine.QueuedRequests,
            ["running_replies"] = engine.Status.RunningReplies,
        });
}
