using LocalBloom.AI.Kernels;
using LocalBloom.AI.Model;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Torch's matrix products, and our own kernel for attention: one launch where torch needs twenty.</summary>
/// <param name="torch">All that has no kernel of its own; the oracle of what has.</param>
/// <param name="attention">For this device.</param>
internal sealed class CudaOps(TorchOps torch, AttentionKernel attention) : IBloomOps
{
    // Each row reads its own keys: beyond so many pairs of rows and keys, matrix products win.
    private const long MaxPairs = 1 << 17;

    /// <inheritdoc/>
    public void Embed(Tensor ids, Tensor embedding, LayerNormWeights norm, Tensor result) => torch.Embed(ids, embedding, norm, result);

    /// <inheritdoc/>
    public void NormLinear(Tensor x, LayerNormWeights norm, LinearWeights linear, Tensor result, bool replaceStream) =>
        torch.NormLinear(x, norm, linear, result, replaceStream);

    /// <inheritdoc/>
    public void NormLinearGelu(Tensor x, LayerNormWeights norm, LinearWeights linear, Tensor result, bool replaceStream) =>
        torch.NormLinearGelu(x, norm, linear, result, replaceStream);

    /// <inheritdoc/>
    public void AppendAttend(Tensor qkv, LayerCache cache, StepContext step, Tensor result)
    {
        if (step.PairCount > MaxPairs)
        {
            torch.AppendAttend(qkv, cache, step, result);
            return;
        }

        attention.Append(qkv, cache, step);
        attention.Attend(qkv, cache, step, result);
    }

    /// <inheritdoc/>
    public void LinearResidual(Tensor x, LinearWeights linear, Tensor residual) => torch.LinearResidual(x, linear, residual);

    /// <inheritdoc/>
    public Tensor Norm(Tensor x, LayerNormWeights norm) => torch.Norm(x, norm);

    /// <inheritdoc/>
    public Tensor Head(Tensor x, Tensor head) => torch.Head(x, head);
}
