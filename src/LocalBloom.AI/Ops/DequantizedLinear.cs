using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Products with int8 weights that are first made numbers of the activations' type, some rows at a time: any device, any number of rows.</summary>
internal sealed class DequantizedLinear : ILinearKernel
{
    /// <summary>So many weights are numbers of the activations' type at once.</summary>
    public const long MaxElements = 1 << 26;

    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result) => ForEachPart(x, linear, result, static (part, product) => part.copy_(product));

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual) => ForEachPart(x, linear, residual, static (part, product) => part.add_(product));

    private static void ForEachPart(Tensor x, LinearWeights linear, Tensor result, Action<Tensor, Tensor> take)
    {
        long outputs = linear.Weight.size(0);
        long chunk = Math.Clamp(MaxElements / linear.Weight.size(1), 1, outputs);
        for (long first = 0; first < outputs; first += chunk)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(chunk, outputs - first);
            Tensor weight = linear.Weight.narrow(0, first, count).to_type(x.dtype).mul_(linear.Scales!.narrow(0, first, count).unsqueeze(1));
            take(result.narrow(1, first, count), nn.functional.linear(x, weight, linear.Bias?.narrow(0, first, count)));
        }
    }
}
