using LocalBloom.AI.Kernels;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Products with int8 weights on a GPU, which reads them as they are: few rows by our kernel, many by another.</summary>
/// <param name="kernel">For this device.</param>
/// <param name="many">For more than <see cref="Int8Kernel.MostFew"/> rows.</param>
internal sealed class CudaInt8Linear(Int8Kernel kernel, ILinearKernel many) : ILinearKernel
{
    private readonly DequantizedLinear _anySize = new();

    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result)
    {
        if (OtherFor(x, linear) is { } other)
        {
            other.Multiply(x, linear, result);
        }
        else
        {
            kernel.MultiplyFew(x, linear, result, add: false);
        }
    }

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual)
    {
        if (OtherFor(x, linear) is { } other)
        {
            other.MultiplyAdd(x, linear, residual);
        }
        else
        {
            kernel.MultiplyFew(x, linear, residual, add: true);
        }
    }

    private ILinearKernel? OtherFor(Tensor x, LinearWeights linear) =>
        !Int8Kernel.Fits(linear.Weight) ? _anySize : x.size(0) > Int8Kernel.MostFew ? many : null;
}
