using LocalBloom.AI.Model;
using LocalBloom.AI.Sampling;

namespace LocalBloom.AI.Execution;

/// <summary>Launches each operation as it comes.</summary>
/// <param name="model">The model.</param>
/// <param name="launching">Held while a step is launched; see <see cref="LaunchOrder"/>.</param>
internal sealed class EagerRunner(BloomModel model, Lock launching) : IStepRunner
{
    /// <inheritdoc/>
    public StepResult Run(StepPlan plan)
    {
        lock (launching)
        {
            StepOutput output = model.Forward(plan);
            return new StepResult(LogitParts.Of(output.Logits), output.Pooled);
        }
    }
}
