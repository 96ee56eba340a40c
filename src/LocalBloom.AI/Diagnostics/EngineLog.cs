using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Diagnostics;

/// <summary>What the engine logs. Prompts and replies are never logged here.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(1, LogLevel.Information, "Loading {Model}")]
    public static partial void Loading(ILogger logger, string model);

    [LoggerMessage(2, LogLevel.Information, "{Plan}")]
    public static partial void Planned(ILogger logger, string plan);

    [LoggerMessage(3, LogLevel.Information, "{Note}")]
    public static partial void Note(ILogger logger, string note);

    [LoggerMessage(4, LogLevel.Information, "Loaded {Percent} % of the weights ({Loaded} of {Total})")]
    public static partial void Progress(ILogger logger, int percent, string loaded, string total);

    [LoggerMessage(5, LogLevel.Information, "{Model} is ready after {Seconds:0.0} s")]
    public static partial void Ready(ILogger logger, string model, double seconds);

    [LoggerMessage(6, LogLevel.Information, "Prompts are multiplied in {Type} on the CPU: {Times}")]
    public static partial void PromptType(ILogger logger, string type, string times);

    [LoggerMessage(8, LogLevel.Warning, "{Device} computes through torch where our own kernels would be faster: {Reason}")]
    public static partial void NoKernel(ILogger logger, string device, string reason);

    [LoggerMessage(7, LogLevel.Error, "A step failed; its request ends with the error, others go on")]
    public static partial void StepFailed(ILogger logger, Exception error);
}
