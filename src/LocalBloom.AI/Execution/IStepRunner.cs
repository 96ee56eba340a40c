using LocalBloom.AI.Model;
using static TorchSharp.torch;

namespace LocalBloom.AI.Execution;

/// <summary>How a step is launched.</summary>
internal interface IStepRunner
{
    /// <summary>Runs a step.</summary>
    /// <returns>Logits, [logit rows, vocabulary], float32, in the caller's dispose scope.</returns>
    Tensor Run(StepPlan plan);
}
