using static TorchSharp.torch;

namespace LocalBloom.AI.Model;

/// <summary>Consecutive blocks on one device.</summary>
/// <param name="blocks">The blocks in order.</param>
/// <param name="workspace">The device's buffers.</param>
/// <param name="slopes">ALiBi's slopes, [heads, 1, 1], float32, on the device.</param>
internal sealed class BloomStage(IReadOnlyList<BloomBlock> blocks, Workspace workspace, Tensor slopes)
{
    /// <summary>Gets the residual stream's buffer, where a step's input is written; in the caller's dispose scope.</summary>
    /// <param name="rows">The step's rows.</param>
    /// <returns>[rows, hidden].</returns>
    public Tensor Stream(int rows) => workspace.Stream.narrow(0, 0, rows);

    /// <summary>Runs the blocks over the residual stream, in place.</summary>
    /// <param name="plan">The step.</param>
    /// <returns>The stream, [rows, hidden], in the caller's dispose scope.</returns>
    public Tensor Forward(StepPlan plan)
    {
        Workspace work = workspace.First(plan.TokenIds.Length);
        using var step = new StepContext(plan.Segments, work, slopes);
        foreach (BloomBlock block in blocks)
        {
            block.CopyCache(plan.Copies);
            block.Forward(work.Stream, step);
        }

        return work.Stream;
    }
}
