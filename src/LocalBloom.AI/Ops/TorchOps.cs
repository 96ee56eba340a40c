using LocalBloom.AI.Model;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>The oracle: plain torch, any device, any number of rows.</summary>
/// <param name="linear">How linear layers are computed.</param>
internal sealed class TorchOps(ILinearKernel linear) : IBloomOps
{
    /// <inheritdoc/>
    public void Embed(Tensor ids, LinearWeights embedding, LayerNormWeights norm, Tensor result)
    {
        using DisposeScope scope = NewDisposeScope();
        result.copy_(Norm(Rows(ids, embedding), norm));
    }

    /// <summary>Gets tokens' rows of the embedding.</summary>
    /// <param name="ids">[rows], int64.</param>
    /// <param name="embedding">[vocabulary, hidden].</param>
    /// <returns>[rows, hidden], in the caller's dispose scope.</returns>
    public static Tensor Rows(Tensor ids, LinearWeights embedding)
    {
        Tensor rows = embedding.Weight.index_select(0, ids);
        return embedding.Scales is { } scales ? rows * scales.index_select(0, ids).unsqueeze(1) : rows;
    }

    /// <inheritdoc/>
    public void NormLinear(Tensor x, LayerNormWeights norm, LinearWeights weights, Tensor result, Tensor normed, bool replaceStream)
    {
        using Tensor y = Norm(x, norm);
        linear.Multiply(y, weights, result);
        if (replaceStream)
        {
            x.copy_(y);
        }
    }

    /// <inheritdoc/>
    public void NormLinearGelu(Tensor x, LayerNormWeights norm, LinearWeights weights, Tensor result, Tensor normed, bool replaceStream)
    {
        NormLinear(x, norm, weights, result, normed, replaceStream);
        nn.functional.gelu(result, TorchSharp.Modules.GELU.Approximate.tanh, inplace: true);
    }

    /// <inheritdoc/>
    public void AppendAttend(Tensor qkv, LayerCache cache, StepContext step, Tensor result)
    {
        for (int i = 0; i < step.Segments.Length; i++)
        {
            AppendAttend(qkv, cache, step, i, result);
        }
    }

    /// <summary>Does for one segment what <see cref="AppendAttend(Tensor, LayerCache, StepContext, Tensor)"/> does for all.</summary>
    /// <inheritdoc cref="IBloomOps.AppendAttend"/>
    /// <param name="qkv">As there.</param>
    /// <param name="cache">As there.</param>
    /// <param name="step">As there.</param>
    /// <param name="index">Which of the step's segments.</param>
    /// <param name="result">As there; only the segment's rows are written.</param>
    public static void AppendAttend(Tensor qkv, LayerCache cache, StepContext step, int index, Tensor result)
    {
        using DisposeScope scope = NewDisposeScope();
        (long heads, long headDim) = (cache.Keys.size(1), cache.Keys.size(2));
        StepSegment segment = step.Segments[index];
        Tensor rows = qkv.narrow(0, segment.FirstRow, segment.RowCount).view(segment.RowCount, heads, 3, headDim).permute(2, 0, 1, 3);
        Tensor keys = Append(cache.Keys, rows[1], step, index);
        Tensor values = Append(cache.Values, rows[2], step, index);
        Tensor attended = Attend(rows[0], keys, values, step.Bias(index)); // [heads, rows, headDim]
        result.narrow(0, segment.FirstRow, segment.RowCount).view(segment.RowCount, heads, headDim).copy_(attended.transpose(0, 1));
    }

    /// <inheritdoc/>
    public void LinearResidual(Tensor x, LinearWeights weights, Tensor residual) => linear.MultiplyAdd(x, weights, residual);

    /// <inheritdoc/>
    public Tensor Norm(Tensor x, LayerNormWeights norm) =>
        nn.functional.layer_norm(x, [x.size(-1)], norm.Weight, norm.Bias, norm.Epsilon);

    /// <inheritdoc/>
    public Tensor Head(Tensor x, LinearWeights head)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = empty([x.size(0), head.Weight.size(0)], x.dtype, x.device);
        linear.Multiply(x, head, logits);
        return logits.to_type(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    // Writes new rows, [rows, heads, headDim], into the cache; returns all the segment's, [length, heads, headDim].
    private static Tensor Append(Tensor cache, Tensor rows, StepContext step, int index)
    {
        StepSegment segment = step.Segments[index];
        if (segment.IsContiguous)
        {
            Tensor sequence = cache.narrow(0, segment.SlotOf(0), segment.Length);
            sequence.narrow(0, segment.FirstPosition, segment.RowCount).copy_(rows);
            return sequence;
        }

        Tensor slots = step.Slots(index);
        cache.index_copy_(0, slots.narrow(0, segment.FirstPosition, segment.RowCount), rows);
        return cache.index_select(0, slots);
    }

    // Scores are float32 whatever the cache holds: in 16 bits ALiBi's bias alone would round by whole units.
    private static Tensor Attend(Tensor q, Tensor keys, Tensor values, Tensor bias)
    {
        Tensor queries = q.to_type(ScalarType.Float32).transpose(0, 1); // [heads, rows, headDim]
        Tensor scores = queries.baddbmm(keys.to_type(ScalarType.Float32).permute(1, 2, 0), bias, beta: 1, alpha: 1 / MathF.Sqrt(q.size(2)));
        return bmm(scores.softmax(-1), values.to_type(ScalarType.Float32).transpose(0, 1));
    }
}
