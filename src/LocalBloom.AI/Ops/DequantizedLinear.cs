using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Products with int8 weights that are first made numbers of the activations' type, some rows at a time: any device, any number of rows.</summary>
internal sealed class DequantizedLinear : ILinearKernel
{
    private const long MaxElements = 1 << 26; // that are numbers of the activations' type at once

    /// <summary>Gets the bytes that such numbers take, at most, with what a library for CPUs makes of them for its products.</summary>
    /// <param name="elements">Of the largest matrix.</param>
    /// <param name="type">Of activations.</param>
    public static long TemporaryBytes(long elements, ScalarType type) => 2 * type.ElementSize() * Math.Min(MaxElements, elements);

    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result) =>
        OutputSlice.ForEach(linear, x.dtype, MaxElements, result, slice => slice.Result.copy_(Product(x, slice)));

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual) =>
        OutputSlice.ForEach(linear, x.dtype, MaxElements, residual, slice => slice.Result.add_(Product(x, slice)));

    private static Tensor Product(Tensor x, OutputSlice slice) =>
        nn.functional.linear(x, slice.Weight.mul_(slice.Scales!.unsqueeze(1)), slice.Bias);
}
