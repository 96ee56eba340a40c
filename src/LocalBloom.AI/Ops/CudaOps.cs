using LocalBloom.AI.Kernels;
using LocalBloom.AI.Model;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Our own kernels for all that stands between the matrix products: a decoding step is bound by the host that launches it.</summary>
/// <param name="linear">How linear layers are computed.</param>
/// <param name="torch">What happens once a step; the oracle of the rest.</param>
/// <param name="pointwise">For this device.</param>
/// <param name="attention">For this device; null where heads are of a size that it does not do.</param>
internal sealed class CudaOps(ILinearKernel linear, TorchOps torch, PointwiseKernels pointwise, AttentionKernel? attention) : IBloomOps
{
    // Each row reads its own keys: beyond so many pairs of a sequence's rows and keys, matrix products win.
    private const long MaxPairs = 1 << 17;

    /// <inheritdoc/>
    public void Embed(Tensor ids, LinearWeights embedding, LayerNormWeights norm, Tensor result) => torch.Embed(ids, embedding, norm, result);

    /// <inheritdoc/>
    public void NormLinear(Tensor x, LayerNormWeights norm, LinearWeights weights, Tensor result, Tensor normed, bool replaceStream)
    {
        Tensor into = replaceStream ? x : normed;
        pointwise.Norm(x, norm, into);
        linear.Multiply(into, weights, result);
    }

    /// <inheritdoc/>
    public void NormLinearGelu(Tensor x, LayerNormWeights norm, LinearWeights weights, Tensor result, Tensor normed, bool replaceStream)
    {
        NormLinear(x, norm, weights, result, normed, replaceStream);
        pointwise.Gelu(result);
    }

    /// <inheritdoc/>
    public void AppendAttend(Tensor qkv, LayerCache cache, StepContext step, Tensor result)
    {
        if (attention is null)
        {
            torch.AppendAttend(qkv, cache, step, result);
            return;
        }

        attention.Append(qkv, cache, step);
        int first = 0; // the row from which on the kernel has still to attend
        for (int i = 0; i < step.Segments.Length; i++)
        {
            StepSegment segment = step.Segments[i];
            if ((long)segment.RowCount * segment.Length > MaxPairs)
            {
                attention.Attend(qkv, cache, step, result, first, segment.FirstRow - first);
                TorchOps.AppendAttend(qkv, cache, step, i, result);
                first = segment.FirstRow + segment.RowCount;
            }
        }

        attention.Attend(qkv, cache, step, result, first, (int)qkv.size(0) - first);
    }

    /// <inheritdoc/>
    public void LinearResidual(Tensor x, LinearWeights weights, Tensor residual) => linear.MultiplyAdd(x, weights, residual);

    /// <inheritdoc/>
    public Tensor Norm(Tensor x, LayerNormWeights norm) => torch.Norm(x, norm);

    /// <inheritdoc/>
    public Tensor Head(Tensor x, LinearWeights head) => torch.Head(x, head);
}
