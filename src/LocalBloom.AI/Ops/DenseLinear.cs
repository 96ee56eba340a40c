using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Products in the weights' own number type: cuBLAS, or torch's matrix products on a CPU.</summary>
internal sealed class DenseLinear(TorchNative torch) : ILinearKernel
{
    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result)
    {
        if (linear.Bias is { } bias)
        {
            torch.AddMatrixProduct(result, bias, x, linear.Transposed);
        }
        else
        {
            torch.MatrixProduct(result, x, linear.Transposed);
        }
    }

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual)
    {
        if (linear.Bias is { } bias)
        {
            residual.add_(bias);
        }

        residual.addmm_(x, linear.Transposed, 1, 1);
    }
}
