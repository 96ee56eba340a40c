using LocalBloom.AI.Model;

namespace LocalBloom.AI.Execution;

/// <summary>How a step is launched.</summary>
internal interface IStepRunner
{
    /// <summary>Runs a step.</summary>
    /// <returns>What the plan asks for, in the caller's dispose scope.</returns>
    StepOutput Run(StepPlan plan);
}
