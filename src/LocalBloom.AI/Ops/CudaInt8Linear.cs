using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Products of many rows with int8 weights on a GPU, which reads them as they are where their sizes allow it.</summary>
/// <param name="fitting">For matrices that <see cref="Fits"/>.</param>
internal sealed class CudaInt8Linear(ILinearKernel fitting) : ILinearKernel
{
    // What mma instructions and wide loads need of all our kernels of int8 products, and cuBLAS of its own.
    private const int Outputs = 16;
    private const int Inputs = 64;

    private readonly DequantizedLinear _anySize = new();

    /// <summary>Says whether a matrix is of a size that kernels of int8 products take.</summary>
    /// <param name="weight">[out, in].</param>
    public static bool Fits(Tensor weight) => weight.size(0) % Outputs == 0 && weight.size(1) % Inputs == 0;

    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result) => For(linear).Multiply(x, linear, result);

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual) => For(linear).MultiplyAdd(x, linear, residual);

    private ILinearKernel For(LinearWeights linear) => Fits(linear.Weight) ? fitting : _anySize;
}
