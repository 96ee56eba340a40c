using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Diagnostics;

/// <summary>What the engine logs of itself. Prompts and replies are never logged here.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(LogEventIds.Loading, LogLevel.Information, "Loading {Model}")]
    public static partial void Loading(ILogger logger, string model);

    [LoggerMessage(LogEventIds.Planned, LogLevel.Information, "{Plan}")]
    public static partial void Planned(ILogger logger, string plan);

    [LoggerMessage(LogEventIds.Note, LogLevel.Information, "{Note}")]
    public static partial void Note(ILogger logger, string note);

    [LoggerMessage(LogEventIds.Progress, LogLevel.Information, "Loaded {Percent} % of the weights ({Loaded} of {Total})")]
    public static partial void Progress(ILogger logger, int percent, string loaded, string total);

    [LoggerMessage(LogEventIds.Ready, LogLevel.Information, "{Model} is ready after {Seconds:0.0} s and holds {Memory}")]
    public static partial void Ready(ILogger logger, string model, double seconds, string memory);

    [LoggerMessage(LogEventIds.PromptType, LogLevel.Information, "Prompts are multiplied in {Type} on the CPU: {Times}")]
    public static partial void PromptType(ILogger logger, string type, string times);

    [LoggerMessage(LogEventIds.StepFailed, LogLevel.Error, "A step failed; its requests end with the error, others go on")]
    public static partial void StepFailed(ILogger logger, Exception error);

    [LoggerMessage(LogEventIds.NoKernel, LogLevel.Warning, "{Device} computes through torch where our own kernels would be faster: {Reason}")]
    public static partial void NoKernel(ILogger logger, string device, string reason);

    [LoggerMessage(LogEventIds.LoadFailed, LogLevel.Error, "{Model} could not be loaded: {Problem}")]
    public static partial void LoadFailed(ILogger logger, string model, string problem, Exception? cause);

    [LoggerMessage(LogEventIds.WarmedUp, LogLevel.Information, "{Model} made its first reply, to warm up, in {Seconds:0.00} s")]
    public static partial void WarmedUp(ILogger logger, string model, double seconds);

    [LoggerMessage(LogEventIds.EngineFailed, LogLevel.Critical, "{Model} stopped and serves no more requests; restart the application")]
    public static partial void EngineFailed(ILogger logger, string model, Exception error);

    [LoggerMessage(LogEventIds.Draining, LogLevel.Information,
        "{Model} shuts down: it takes no more requests and completes what it has, {Running} replies under way and {Queued} requests that wait")]
    public static partial void Draining(ILogger logger, string model, int running, int queued);

    [LoggerMessage(LogEventIds.DrainCutShort, LogLevel.Warning,
        "The time to shut down is over: {Model} ends {Running} replies under way and {Queued} requests that wait")]
    public static partial void DrainCutShort(ILogger logger, string model, int running, int queued);

    [LoggerMessage(LogEventIds.ShutDown, LogLevel.Information, "{Model} has shut down and given back {Memory}")]
    public static partial void ShutDown(ILogger logger, string model, string memory);

    [LoggerMessage(LogEventIds.ListenerFailed, LogLevel.Warning, "A listener of metrics threw at {Instrument}, which it may not measure: {Problem}")]
    public static partial void ListenerFailed(ILogger logger, string instrument, string problem);

    [LoggerMessage(LogEventIds.NotWarmedUp, LogLevel.Warning,
        "WarmUp is set, but only the start of a host warms {Model} up, and there is none: await BloomEngine.LoadAsync, or the first request loads it")]
    public static partial void NotWarmedUp(ILogger logger, string model);

    [LoggerMessage(LogEventIds.RepliesPreempted, LogLevel.Debug, "The cache is full: {Count} replies wait and will be computed again")]
    public static partial void RepliesPreempted(ILogger logger, long count);
}
