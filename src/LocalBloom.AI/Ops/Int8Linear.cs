using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>On a CPU: products with int8 weights, which torch reads as they are and sums in float32.</summary>
internal sealed class Int8Linear(TorchNative torch) : ILinearKernel
{
    // Torch's kernel reads whole blocks: past the end of a matrix that is no multiple of them.
    private const long InputBlock = 64;
    private const long OutputBlock = 4;

    private readonly DequantizedLinear _anySize = new();

    /// <summary>Says whether a matrix is of a size that torch's kernel takes: then nothing is dequantised.</summary>
    /// <param name="outputs">Its rows.</param>
    /// <param name="inputs">Its columns.</param>
    public static bool Fits(long outputs, long inputs) => outputs % OutputBlock == 0 && inputs % InputBlock == 0;

    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result)
    {
        if (!Fits(linear.Weight.size(0), linear.Weight.size(1)))
        {
            _anySize.Multiply(x, linear, result);
            return;
        }

        using Tensor product = torch.Int8MatrixProduct(x, linear.Weight, linear.Scales!);
        if (linear.Bias is { } bias)
        {
            product.add_(bias);
        }

        result.copy_(product);
    }

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual)
    {
        if (!Fits(linear.Weight.size(0), linear.Weight.size(1)))
        {
            _anySize.MultiplyAdd(x, linear, residual);
            return;
        }

        using Tensor product = torch.Int8MatrixProduct(x, linear.Weight, linear.Scales!);
        residual.add_(product);
        if (linear.Bias is { } bias)
        {
            residual.add_(bias);
        }
    }
}
