using LocalBloom.AI.Model;

namespace LocalBloom.AI.Execution;

/// <summary>Launches each operation as it comes.</summary>
internal sealed class EagerRunner(BloomModel model) : IStepRunner
{
    /// <inheritdoc/>
    public StepOutput Run(StepPlan plan) => model.Forward(plan);
}
