namespace LocalBloom.AI.Execution;

/// <summary>The order in which work that joins several GPUs is launched: the ranks of a step, or a copy from one GPU to another.</summary>
/// <remarks>
/// It must be one order on all GPUs. All models of a process share the GPUs' streams: were the work of two mixed, the one's would wait on one GPU behind
/// the other's, and the other's on another GPU behind the one's. The lock is the process's because the streams are.
/// </remarks>
internal static class LaunchOrder
{
    private static readonly Lock s_acrossDevices = new();

    /// <summary>Gets what a model holds while it launches a step.</summary>
    /// <param name="gpus">On how many GPUs it is.</param>
    /// <returns>A lock that nobody else has, where it is on one or none.</returns>
    public static Lock For(int gpus) => gpus > 1 ? s_acrossDevices : new();
}
