using LocalBloom.AI.Model;
using LocalBloom.AI.Sampling;

namespace LocalBloom.AI.Execution;

/// <summary>Launches each operation as it comes.</summary>
internal sealed class EagerRunner(BloomModel model) : IStepRunner
{
    /// <inheritdoc/>
    public StepResult Run(StepPlan plan)
    {
        StepOutput output = model.Forward(plan);
        return new StepResult(LogitParts.Of(output.Logits), output.Pooled);
    }
}
