using LocalBloom.AI.Model;

namespace LocalBloom.AI.Execution;

/// <summary>How a step is launched.</summary>
internal interface IStepRunner
{
    /// <summary>Runs a step.</summary>
    /// <returns>What the plan asks for, in the caller's dispose scope.</returns>
    StepResult Run(StepPlan plan);

    /// <summary>Says whether devices did what the last step asked of them. To be called once a result has been read, before it is used.</summary>
    /// <exception cref="LocalBloomException">They did not; the result means nothing.</exception>
    void Confirm()
    {
    }
}
