using LocalBloom.AI.Ops;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Model;

/// <summary>One transformer block: attention, then MLP, each added back to the residual stream.</summary>
/// <param name="layer">Its number in the whole model.</param>
/// <param name="ops">Who computes.</param>
/// <param name="residency">Where its weights are leased.</param>
/// <param name="cache">Its keys and values of all sequences.</param>
/// <param name="residualAfterNorm">Whether the residual is taken after the norm (apply_residual_connection_post_layernorm).</param>
internal sealed class BloomBlock(int layer, IBloomOps ops, ILayerResidency residency, LayerCache cache, bool residualAfterNorm)
{
    /// <summary>Copies blocks of this layer's cache.</summary>
    public void CopyCache(BlockCopy[] copies)
    {
        foreach (BlockCopy copy in copies)
        {
            cache.Copy(copy);
        }
    }

    /// <summary>Advances the residual stream through this block, in place.</summary>
    /// <param name="x">Residual stream, [rows, hidden], on this block's device.</param>
    /// <param name="step">What is computed in this step.</param>
    public void Forward(Tensor x, StepContext step)
    {
        using LayerLease lease = residency.Acquire(layer);
        LayerWeights weights = lease.Weights;
        Workspace work = step.Work;

        ops.NormLinear(x, weights.InputNorm, weights.QueryKeyValue, work.Qkv, work.Normed, residualAfterNorm);
        ops.AppendAttend(work.Qkv, cache, step, work.Heads);
        ops.LinearResidual(work.Heads, weights.Dense, x);

        ops.NormLinearGelu(x, weights.PostAttentionNorm, weights.Up, work.Wide, work.Normed, residualAfterNorm);
        ops.LinearResidual(work.Wide, weights.Down, x);
    }
}
