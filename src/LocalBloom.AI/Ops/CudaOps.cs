using LocalBloom.AI.Kernels;
using LocalBloom.AI.Model;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Our own kernels for all that stands between the matrix products: a decoding step is bound by the host that launches it.</summary>
/// <param name="linear">How linear layers are computed.</param>
/// <param name="torch">The head; attention where our kernels do not do it; the oracle of the rest.</param>
/// <param name="pointwise">For this device.</param>
/// <param name="attention">For this device; null where heads are of a size that it does not do.</param>
internal sealed class CudaOps(ILinearKernel linear, TorchOps torch, PointwiseKernels pointwise, AttentionKernel? attention) : IBloomOps
{
    // So many rows of a sequence are better off when they share the keys that they read.
    private const int LeastSharing = 8;

    // Where they cannot, each row reads its own: beyond so many pairs of a sequence's rows and keys, matrix products win.
    private const long MaxPairs = 1 << 17;

    /// <summary>Says whether attention never goes through torch on a device, however the rows of a step are shared out.</summary>
    /// <param name="config">The model.</param>
    /// <param name="type">Of cache and activations.</param>
    /// <param name="contextTokens">The most tokens of a sequence.</param>
    /// <param name="capability">The device's compute capability; null where our kernels cannot be had on it, or nobody knows.</param>
    public static bool AttendsByKernels(BloomConfig config, ScalarType type, int contextTokens, (int Major, int Minor)? capability) =>
        capability is { } known && AttentionKernel.Supports(config, type) && AttentionKernel.MayShareKeys(config, type, known)
        && (LeastSharing - 1L) * contextTokens <= MaxPairs;

    /// <inheritdoc/>
    public void Embed(Tensor ids, LinearWeights embedding, LayerNormWeights norm, Tensor result)
    {
        using DisposeScope scope = NewDisposeScope();
        pointwise.Norm(TorchOps.Rows(ids, embedding), norm, result);
    }

    /// <inheritdoc/>
    public void NormLinear(Tensor x, LayerNormWeights norm, LinearWeights weights, Tensor result, Tensor normed, bool replaceStream) =>
        linear.Multiply(Normed(x, norm, normed, replaceStream), weights, result);

    /// <inheritdoc/>
    public void NormLinearGelu(Tensor x, LayerNormWeights norm, LinearWeights weights, Tensor result, Tensor normed, bool replaceStream)
    {
        Tensor into = Normed(x, norm, normed, replaceStream);
        if (!linear.TryMultiplyGelu(into, weights, result))
        {
            linear.Multiply(into, weights, result);
            pointwise.Gelu(result);
        }
    }

    /// <inheritdoc/>
    public void AppendAttend(Tensor qkv, LayerCache cache, StepContext step, Tensor result)
    {
        if (attention is null)
        {
            torch.AppendAttend(qkv, cache, step, result);
            return;
        }

        if (Array.TrueForAll(step.Segments, static segment => segment.RowCount == 1 && segment.Length <= MaxPairs))
        {
            attention.AppendAttend(qkv, cache, step, result);
            return;
        }

        attention.Append(qkv, cache, step);
        int first = 0; // the row from which on the kernel has still to attend
        for (int i = 0; i < step.Segments.Length; i++)
        {
            StepSegment segment = step.Segments[i];
            bool sharesKeys = attention.SharesKeys && segment.RowCount >= LeastSharing;
            if (!sharesKeys && (long)segment.RowCount * segment.Length <= MaxPairs)
            {
                continue;
            }

            attention.Attend(qkv, cache, step, result, first, segment.FirstRow - first);
            first = segment.FirstRow + segment.RowCount;
            if (sharesKeys)
            {
                attention.AttendPrompt(qkv, cache, step, result, segment);
            }
            else
            {
                TorchOps.AppendAttend(qkv, cache, step, i, result);
            }
        }

        attention.Attend(qkv, cache, step, result, first, (int)qkv.size(0) - first);
    }

    private Tensor Normed(Tensor x, LayerNormWeights norm, Tensor normed, bool replaceStream)
    {
        Tensor into = replaceStream ? x : normed;
        pointwise.Norm(x, norm, into);
        return into;
    }

    /// <inheritdoc/>
    public void LinearResidual(Tensor x, LinearWeights weights, Tensor residual) => linear.MultiplyAdd(x, weights, residual);

    /// <inheritdoc/>
    public Tensor Norm(Tensor x, LayerNormWeights norm)
    {
        Tensor result = empty_like(x);
        pointwise.Norm(x, norm, result);
        return result;
    }

    /// <inheritdoc/>
    public Tensor Head(Tensor x, LinearWeights head) => torch.Head(x, head);
}
