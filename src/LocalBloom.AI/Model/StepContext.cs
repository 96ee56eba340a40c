using LocalBloom.AI.Engine;
using static TorchSharp.torch;

namespace LocalBloom.AI.Model;

/// <summary>A step as one device's blocks see it. It lives in the step's dispose scope.</summary>
/// <param name="Segments">Which rows belong to which sequence.</param>
/// <param name="Biases">ALiBi and the causal mask of each segment, [heads, rows, length], float32, the same for every layer.</param>
/// <param name="Work">The buffers, as long as the step has rows.</param>
internal sealed record StepContext(StepSegment[] Segments, Tensor[] Biases, Workspace Work);
