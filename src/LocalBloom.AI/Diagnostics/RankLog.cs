using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Diagnostics;

/// <summary>What is logged of a model whose layers are cut over several devices.</summary>
internal static partial class RankLog
{
    [LoggerMessage(LogEventIds.RanksMeasured, LogLevel.Information,
        "A sum over the ranks takes {Microseconds:0.0} us: {CostMilliseconds:0.00} ms for a token's {Count}; each device reads {Saved} less for it, which saves {SavedMilliseconds:0.00} ms")]
    public static partial void RanksMeasured(ILogger logger, double microseconds, double costMilliseconds, int count, string saved, double savedMilliseconds);

    [LoggerMessage(LogEventIds.TensorParallelSlower, LogLevel.Warning,
        "One device would be faster than {Ranks}: a token's sums take {CostMilliseconds:0.00} ms, and reading a part of the weights saves {SavedMilliseconds:0.00} ms. Use SingleDevice, or LayerSplit where the model does not fit")]
    public static partial void TensorParallelSlower(ILogger logger, int ranks, double costMilliseconds, double savedMilliseconds);

    [LoggerMessage(LogEventIds.SumsThroughHost, LogLevel.Warning,
        "The GPUs add up layers through copies that the host orders, where reading each other's memory would be faster: {Reason}")]
    public static partial void SumsThroughHost(ILogger logger, string reason);

    [LoggerMessage(LogEventIds.SumsThroughNccl, LogLevel.Information,
        "The GPUs add up layers through NCCL {Version}, where reading each other's memory would be faster: {Reason}")]
    public static partial void SumsThroughNccl(ILogger logger, string version, string reason);

    [LoggerMessage(LogEventIds.MemoryKept, LogLevel.Error, "Memory of a model that could not be loaded is not given back. {Reason}")]
    public static partial void MemoryKept(ILogger logger, string reason);
}
