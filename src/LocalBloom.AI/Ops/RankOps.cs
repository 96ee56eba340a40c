using LocalBloom.AI.Collectives;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>A rank's operations: what every device does, and the sums over all ranks where a slice gives only a part.</summary>
/// <param name="local">Who computes on the rank's device.</param>
/// <param name="torch">For products in float32 of numbers of 16 bits.</param>
/// <param name="sums">The other ranks.</param>
/// <param name="firstToken">The first token of the rank's part of the vocabulary.</param>
internal sealed class RankOps(IBloomOps local, TorchNative torch, ICollective sums, int firstToken) : IBloomOps
{
    /// <inheritdoc/>
    /// <remarks>One rank has a token's row, the others add zeros: the sum is that row to the bit.</remarks>
    public void Embed(Tensor ids, LinearWeights embedding, LayerNormWeights norm, Tensor result)
    {
        using DisposeScope scope = NewDisposeScope();
        long count = embedding.Weight.size(0);
        using Scalar first = firstToken.ToScalar(), end = count.ToScalar(), last = (count - 1).ToScalar();
        Tensor at = ids - first;
        Tensor isOthers = (at < Scalars.Zero).logical_or_(at >= end);
        at.clamp_(Scalars.Zero, last);
        Tensor rows = embedding.Weight.index_select(0, at);
        Tensor part = sums.Partial((int)ids.size(0));
        part.copy_(embedding.Scales is { } scales ? rows * scales.index_select(0, at).unsqueeze(1) : rows);
        part.masked_fill_(isOthers.unsqueeze(1), Scalars.Zero);
        result.zero_();
        sums.AddSum(result, bias: null);
        result.copy_(local.Norm(result, norm));
    }

    /// <inheritdoc/>
    public void NormLinear(Tensor x, LayerNormWeights norm, LinearWeights linear, Tensor result, Tensor normed, bool replaceStream) =>
        local.NormLinear(x, norm, linear, result, normed, replaceStream);

    /// <inheritdoc/>
    public void NormLinearGelu(Tensor x, LayerNormWeights norm, LinearWeights linear, Tensor result, Tensor normed, bool replaceStream) =>
        local.NormLinearGelu(x, norm, linear, result, normed, replaceStream);

    /// <inheritdoc/>
    public void AppendAttend(Tensor qkv, LayerCache cache, StepContext step, Tensor result) => local.AppendAttend(qkv, cache, step, result);

    /// <inheritdoc/>
    public void LinearResidual(Tensor x, LinearWeights linear, Tensor residual)
    {
        Tensor part = sums.Partial((int)residual.size(0));
        Multiply(x, linear, part);
        sums.AddSum(residual, linear.Bias); // here, once, not in each rank's product
    }

    /// <inheritdoc/>
    public Tensor Norm(Tensor x, LayerNormWeights norm) => local.Norm(x, norm);

    /// <inheritdoc/>
    public Tensor Head(Tensor x, LinearWeights head) => local.Head(x, head);

    // A part is float32 so that a sum of parts rounds as often as one device's product does: once. What cannot give float32 rounds its part first.
    private void Multiply(Tensor x, LinearWeights linear, Tensor part)
    {
        if (linear.Scales is null && x.dtype != part.dtype && torch.TryWideMatrixProduct(part, x, linear.Transposed))
        {
            return;
        }

        LinearWeights unbiased = linear with { Bias = null };
        if (x.dtype == part.dtype)
        {
            part.zero_();
            local.LinearResidual(x, unbiased, part);
            return;
        }

        using Tensor product = zeros_like(part, x.dtype);
        local.LinearResidual(x, unbiased, product);
        part.copy_(product);
    }
}
