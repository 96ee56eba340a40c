using LocalBloom.AI.Model;
using static TorchSharp.torch;

namespace LocalBloom.AI.Execution;

/// <summary>Launches each operation as it comes.</summary>
internal sealed class EagerRunner(BloomModel model) : IStepRunner
{
    /// <inheritdoc/>
    public Tensor Run(StepPlan plan) => model.Forward(plan);
}
