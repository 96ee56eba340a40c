using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Diagnostics;

/// <summary>What the engine logs of requests, on the caller's side, where its scopes and activity are. Prompts and replies are never logged here.</summary>
internal static partial class RequestLog
{
    [LoggerMessage(LogEventIds.RequestFinished, LogLevel.Debug,
        "{Model} finished a request ({FinishReason}): {InputTokens} tokens in, {OutputTokens} out in {Seconds:0.000} s, waiting included " +
        "({TokensPerSecond:0.0} tokens/s), the first after {FirstTokenSeconds:0.000} s")]
    public static partial void RequestFinished(
        ILogger logger, string model, string finishReason, int inputTokens, int outputTokens, double seconds, double tokensPerSecond, double firstTokenSeconds);

    [LoggerMessage(LogEventIds.EmbeddingFinished, LogLevel.Debug, "{Model} embedded a text of {InputTokens} tokens in {Seconds:0.000} s")]
    public static partial void EmbeddingFinished(ILogger logger, string model, int inputTokens, double seconds);

    [LoggerMessage(LogEventIds.RequestRejected, LogLevel.Warning, "{Model} refused a request: {Reason}")]
    public static partial void RequestRejected(ILogger logger, string model, string reason);

    [LoggerMessage(LogEventIds.RequestTimedOut, LogLevel.Warning,
        "{Model} ended a request of {InputTokens} tokens after {OutputTokens} of its reply, because it took longer than {Timeout}")]
    public static partial void RequestTimedOut(ILogger logger, string model, int inputTokens, int outputTokens, TimeSpan timeout);

    [LoggerMessage(LogEventIds.RequestCancelled, LogLevel.Debug,
        "{Model} ended a request of {InputTokens} tokens after {OutputTokens} of its reply and {Seconds:0.000} s: {Reason}")]
    public static partial void RequestCancelled(ILogger logger, string model, int inputTokens, int outputTokens, double seconds, string reason);

    [LoggerMessage(LogEventIds.RequestFailed, LogLevel.Error, "{Model} failed at a request of {InputTokens} tokens: {Problem}")]
    public static partial void RequestFailed(ILogger logger, string model, int inputTokens, string problem);
}
