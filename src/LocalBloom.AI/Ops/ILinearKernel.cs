using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>How a linear layer's product is computed.</summary>
internal interface ILinearKernel
{
    /// <summary>result = x·Wᵀ + b; without b where the layer has none.</summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="linear">[out, in].</param>
    /// <param name="result">[rows, out].</param>
    void Multiply(Tensor x, LinearWeights linear, Tensor result);

    /// <summary>residual += x·Wᵀ + b; without b where the layer has none.</summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="linear">[out, in].</param>
    /// <param name="residual">[rows, out].</param>
    void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual);

    /// <summary>result = gelu(x·Wᵀ + b) in one go, to the bit what gelu makes of <see cref="Multiply"/>'s result.</summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="linear">[out, in].</param>
    /// <param name="result">[rows, out].</param>
    /// <returns>False, with nothing done, where there is no such kernel.</returns>
    bool TryMultiplyGelu(Tensor x, LinearWeights linear, Tensor result) => false;
}
