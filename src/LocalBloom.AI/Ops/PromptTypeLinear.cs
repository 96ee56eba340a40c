using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>On a CPU: multiplies the many rows of a prompt in another number type than the weights', where that is faster; few rows go to another kernel.</summary>
/// <remarks>Weights are converted on the way, one matrix at a time: a cost per step, which many rows share.</remarks>
/// <param name="few">Computes steps of fewer than <see cref="ManyRows"/> rows.</param>
/// <param name="type">The number type of the product.</param>
internal sealed class PromptTypeLinear(ILinearKernel few, ScalarType type) : ILinearKernel
{
    /// <summary>From so many rows on, conversion pays: measured on a CPU with AVX512_BF16, float16 to bfloat16.</summary>
    public const int ManyRows = 16;

    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result)
    {
        if (x.size(0) < ManyRows)
        {
            few.Multiply(x, linear, result);
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        result.copy_(Product(x, linear));
    }

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual)
    {
        if (x.size(0) < ManyRows)
        {
            few.MultiplyAdd(x, linear, residual);
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        residual.add_(Product(x, linear));
    }

    private Tensor Product(Tensor x, LinearWeights linear)
    {
        Tensor product = nn.functional.linear(x.to_type(type), linear.Weight.to_type(type));
        if (linear.Scales is { } scales)
        {
            product.mul_(scales);
        }

        return linear.Bias is { } bias ? product.add_(bias) : product;
    }
}
