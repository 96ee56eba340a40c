using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Gives each linear layer to the kernel of its format.</summary>
/// <param name="dense">For weights in the model's number type.</param>
/// <param name="int8">For int8 weights with scales.</param>
internal sealed class FormatLinear(ILinearKernel dense, ILinearKernel int8) : ILinearKernel
{
    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result) => For(linear).Multiply(x, linear, result);

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual) => For(linear).MultiplyAdd(x, linear, residual);

    /// <inheritdoc/>
    public bool TryMultiplyGelu(Tensor x, LinearWeights linear, Tensor result) => For(linear).TryMultiplyGelu(x, linear, result);

    private ILinearKernel For(LinearWeights linear) => linear.Scales is null ? dense : int8;
}
