using LocalBloom.AI.Kernels;
using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Products of many rows in the weights' own number type by cuBLAS, which adds to what is there: our kernel puts the bias there first.</summary>
internal sealed class CudaLinear(TorchNative torch, PointwiseKernels pointwise) : ILinearKernel
{
    private readonly DenseLinear _dense = new(torch);

    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result) => _dense.Multiply(x, linear, result);

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual)
    {
        if (linear.Bias is { } bias)
        {
            pointwise.AddBias(residual, bias);
        }

        torch.AddMatrixProduct(residual, residual, x, linear.Transposed);
    }
}
