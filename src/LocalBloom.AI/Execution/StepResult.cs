using LocalBloom.AI.Sampling;
using static TorchSharp.torch;

namespace LocalBloom.AI.Execution;

/// <summary>What a step gives, in the caller's dispose scope.</summary>
/// <param name="Logits">[logit rows, vocabulary], whole or in slices.</param>
/// <param name="Pooled">As <see cref="Model.StepOutput.Pooled"/>.</param>
internal readonly record struct StepResult(LogitParts Logits, Tensor? Pooled);
