using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Products in the weights' own number type: cuBLAS, or torch's matrix products on a CPU.</summary>
internal sealed class DenseLinear(TorchNative torch) : ILinearKernel
{
    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result) => torch.AddMatrixProduct(result, linear.Bias, x, linear.Transposed);

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual)
    {
        residual.add_(linear.Bias);
        residual.addmm_(x, linear.Transposed, 1, 1);
    }
}
