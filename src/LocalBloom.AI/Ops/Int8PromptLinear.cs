using LocalBloom.AI.Kernels;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Products of many rows with int8 weights by our kernel, on GPUs that have its instructions: weights become numbers on their way to the tensor cores.</summary>
/// <param name="kernel">For this device.</param>
internal sealed class Int8PromptLinear(Int8PromptKernel kernel) : ILinearKernel
{
    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result) => kernel.Multiply(x, linear, result, add: false);

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual) => kernel.Multiply(x, linear, residual, add: true);
}
