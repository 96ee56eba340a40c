using LocalBloom.AI.Engine;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>The oracle: plain torch, any device, any number of rows.</summary>
/// <param name="torch">Products into given buffers.</param>
/// <param name="linear">How linear layers are computed.</param>
internal sealed class TorchOps(TorchNative torch, ILinearKernel linear) : IBloomOps
{
    /// <inheritdoc/>
    public void Embed(Tensor ids, Tensor embedding, LayerNormWeights norm, Tensor result)
    {
        using DisposeScope scope = NewDisposeScope();
        result.copy_(Norm(embedding.index_select(0, ids), norm));
    }

    /// <inheritdoc/>
    public void NormLinear(Tensor x, LayerNormWeights norm, LinearWeights weights, Tensor result, bool replaceStream)
    {
        using Tensor normed = Norm(x, norm);
        linear.Multiply(normed, weights, result);
        if (replaceStream)
        {
            x.copy_(normed);
        }
    }

    /// <inheritdoc/>
    public void NormLinearGelu(Tensor x, LayerNormWeights norm, LinearWeights weights, Tensor result, bool replaceStream)
    {
        NormLinear(x, norm, weights, result, replaceStream);
        nn.functional.gelu(result, TorchSharp.Modules.GELU.Approximate.tanh, inplace: true);
    }

    /// <inheritdoc/>
    public void AppendAttend(Tensor qkv, LayerCache cache, StepContext step, Tensor result)
    {
        long heads = cache.Keys.shape[0];
        long headDim = cache.Keys.shape[2];
        for (int i = 0; i < step.Segments.Length; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            StepSegment segment = step.Segments[i];
            Tensor rows = qkv.narrow(0, segment.FirstRow, segment.RowCount).view(segment.RowCount, heads, 3, headDim).permute(2, 1, 0, 3);
            Tensor attended = Attend(rows[0], rows[1], rows[2], cache, segment, step.Biases[i]); // [heads, rows, headDim]
            result.narrow(0, segment.FirstRow, segment.RowCount).view(segment.RowCount, heads, headDim).copy_(attended.transpose(0, 1));
        }
    }

    /// <inheritdoc/>
    public void LinearResidual(Tensor x, LinearWeights weights, Tensor residual) => linear.MultiplyAdd(x, weights, residual);

    /// <inheritdoc/>
    public Tensor Norm(Tensor x, LayerNormWeights norm) =>
        nn.functional.layer_norm(x, [x.shape[^1]], norm.Weight, norm.Bias, norm.Epsilon);

    /// <inheritdoc/>
    public Tensor Head(Tensor x, Tensor head)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = empty([x.shape[0], head.shape[0]], x.dtype, x.device);
        torch.MatrixProduct(logits, x, head.t());
        return logits.to_type(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    // q, k, v: [heads, rows, headDim]. Scores are float32 whatever the cache holds: in 16 bits ALiBi's bias alone would round by whole units.
    private static Tensor Attend(Tensor q, Tensor k, Tensor v, LayerCache cache, StepSegment segment, Tensor bias)
    {
        int newSlot = segment.FirstSlot + segment.FirstPosition;
        cache.Keys.narrow(1, newSlot, segment.RowCount).copy_(k);
        cache.Values.narrow(1, newSlot, segment.RowCount).copy_(v);

        Tensor keys = cache.Keys.narrow(1, segment.FirstSlot, segment.Length).to_type(ScalarType.Float32);
        Tensor values = cache.Values.narrow(1, segment.FirstSlot, segment.Length).to_type(ScalarType.Float32);
        float scale = 1 / MathF.Sqrt(q.shape[2]);
        Tensor scores = q.to_type(ScalarType.Float32).baddbmm(keys.transpose(1, 2), bias, beta: 1, alpha: scale);
        return bmm(scores.softmax(-1), values);
    }
}
