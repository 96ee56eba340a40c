using LocalBloom.AI.Engine;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Diagnostics;

/// <summary>Logs and measures how requests end, on the caller's side. Safe for concurrent use.</summary>
/// <param name="logger">Where to log.</param>
/// <param name="metrics">Where to measure.</param>
/// <param name="model">The model's name.</param>
internal sealed class RequestReport(ILogger logger, EngineMetrics metrics, string model)
{
    /// <summary>Reports a request that was not taken.</summary>
    public void Rejected(LocalBloomException reason)
    {
        metrics.AddRejected(reason);
        RequestLog.RequestRejected(logger, model, reason.Message);
    }

    /// <summary>Reports the end of a request whose caller reads no more.</summary>
    public void Ended(TextGeneration generation)
    {
        TokenTiming timing = generation.Timing;
        metrics.Record(timing, isSteady: !generation.IsLockstep);
        if (generation is { IsComplete: true, Error: null })
        {
            double seconds = timing.Age.TotalSeconds;
            RequestLog.RequestFinished(
                logger, model, generation.FinishReasons, generation.PromptTokens, timing.Tokens, seconds, timing.Tokens / seconds, timing.ToFirst?.TotalSeconds ?? 0);
        }
        else
        {
            Broken(generation);
        }
    }

    /// <inheritdoc cref="Ended(TextGeneration)"/>
    public void Ended(EmbeddingGeneration generation)
    {
        if (generation.IsComplete)
        {
            RequestLog.EmbeddingFinished(logger, model, generation.PromptTokens, generation.Timing.Age.TotalSeconds);
        }
        else
        {
            Broken(generation);
        }
    }

    private void Broken(Generation generation)
    {
        (int input, int output) = (generation.PromptTokens, generation.Timing.Tokens);
        switch (generation.Error)
        {
            case GenerationTimeoutException timeout:
                RequestLog.RequestTimedOut(logger, model, input, output, timeout.Timeout);
                break;
            case EngineStoppingException or ObjectDisposedException:
                RequestLog.RequestCancelled(logger, model, input, output, generation.Timing.Age.TotalSeconds, "the engine shut down");
                break;
            case null or OperationCanceledException:
                RequestLog.RequestCancelled(logger, model, input, output, generation.Timing.Age.TotalSeconds, "the caller left");
                break;
            case { } error:
                RequestLog.RequestFailed(logger, model, input, error.Message);
                break;
        }
    }
}
