using LocalBloom.AI.Kernels;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>A decoding step's products by our kernel, which reads weights as fast as memory gives them; the rest by another.</summary>
/// <param name="kernel">For this device and format.</param>
/// <param name="others">For more rows, and for matrices of odd sizes.</param>
internal sealed class FewRowsLinear(FewRowsKernel kernel, ILinearKernel others) : ILinearKernel
{
    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result)
    {
        if (!kernel.TryMultiply(x, linear, result, FewRowsEnd.Stored))
        {
            others.Multiply(x, linear, result);
        }
    }

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual)
    {
        if (!kernel.TryMultiply(x, linear, residual, FewRowsEnd.Added))
        {
            others.MultiplyAdd(x, linear, residual);
        }
    }

    /// <inheritdoc/>
    public bool TryMultiplyGelu(Tensor x, LinearWeights linear, Tensor result) => kernel.TryMultiply(x, linear, result, FewRowsEnd.Activated);
}
