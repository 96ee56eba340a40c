using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>On a CPU: multiplies the many rows of a prompt in another number type than the weights', where that is faster; few rows go to another kernel.</summary>
/// <remarks>Weights are converted on the way, some of a matrix at a time: a cost per step, which many rows share.</remarks>
/// <param name="few">Computes steps of fewer than <see cref="ManyRows"/> rows.</param>
/// <param name="type">The number type of the product.</param>
internal sealed class PromptTypeLinear(ILinearKernel few, ScalarType type) : ILinearKernel
{
    /// <summary>From so many rows on, conversion pays: measured on a CPU with AVX512_BF16, float16 to bfloat16.</summary>
    public const int ManyRows = 16;

    // So many weights are converted at once: few enough that the buffer stays in the cache and its pages are soon all there. Whole matrices took twice as long.
    private const long MaxElements = 1 << 22;

    /// <summary>Gets the bytes that converted weights take, at most.</summary>
    /// <param name="elements">Of the largest matrix.</param>
    public static long TemporaryBytes(long elements) => sizeof(float) * Math.Min(MaxElements, elements);

    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result)
    {
        if (x.size(0) < ManyRows)
        {
            few.Multiply(x, linear, result);
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor converted = x.to_type(type);
        OutputSlice.ForEach(linear, type, MaxElements, result, slice => slice.Result.copy_(Product(converted, slice)));
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
        Tensor converted = x.to_type(type);
        OutputSlice.ForEach(linear, type, MaxElements, residual, slice => slice.Result.add_(Product(converted, slice)));
    }

    private static Tensor Product(Tensor x, OutputSlice slice)
    {
        Tensor product = nn.functional.linear(x, slice.Weight);
        if (slice.Scales is { } scales)
        {
            product.mul_(scales);
        }

        return slice.Bias is { } bias ? product.add_(bias) : product;
    }
}
