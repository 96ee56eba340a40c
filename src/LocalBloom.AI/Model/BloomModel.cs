using LocalBloom.AI.Ops;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Model;

/// <summary>BLOOM: embedding, blocks, head. It is written once; which device computes what, and how, is in the parts it is given.</summary>
/// <param name="ends">What stands before the first block and after the last.</param>
/// <param name="stages">The blocks, by device.</param>
internal sealed class BloomModel(ModelEnds ends, IReadOnlyList<BloomStage> stages)
{
    /// <summary>Computes one step.</summary>
    /// <param name="plan">Tokens, where they stand, and the rows whose logits are wanted.</param>
    /// <returns>Logits and what else was asked for, on the embedding's device, in the caller's dispose scope.</returns>
    public StepOutput Forward(StepPlan plan)
    {
        using DisposeScope scope = NewDisposeScope();
        Device device = ends.Embedding.Weight.device;
        int rows = plan.TokenIds.Length;

        Tensor x = stages[0].Stream(rows);
        // Uploads wait for what the device has to do, and it then for the host: they come before its work, not in its midst.
        Tensor? wanted = plan.LogitRows.Length == rows ? null : tensor(plan.LogitRows, ScalarType.Int64, stages[^1].Stream(rows).device);
        ends.Ops.Embed(tensor(plan.TokenIds, ScalarType.Int64, device), ends.Embedding, ends.EmbeddingNorm, x);
        for (int i = 0; i < stages.Count; i++)
        {
            if (i > 0)
            {
                stages[i].Stream(rows).copy_(x);
            }

            x = stages[i].Forward(plan);
        }

        // Only asked rows meet the head: with BLOOM's vocabulary it weighs as much as five layers.
        Tensor asked = wanted is null ? x : x.index_select(0, wanted);
        Tensor logits = ends.Ops.Head(ends.Ops.Norm(asked.to(device), ends.FinalNorm), ends.Head).MoveToOuterDisposeScope();
        return new StepOutput(logits, plan.PooledSegments.Length == 0 ? null : Pool(x, plan).MoveToOuterDisposeScope());
    }

    private Tensor Pool(Tensor x, StepPlan plan)
    {
        IEnumerable<StepSegment> segments = plan.PooledSegments.Select(segment => plan.Segments[segment]);
        return stack([.. segments.Select(segment =>
            ends.Ops.Norm(x.narrow(0, segment.FirstRow, segment.RowCount).to(ends.Embedding.Weight.device), ends.FinalNorm).sum(0, type: ScalarType.Float32))]);
    }
}

/// <summary>What stands before the first block and after the last, on one device.</summary>
/// <param name="Ops">Who computes.</param>
/// <param name="Embedding">word_embeddings, [vocabulary, hidden].</param>
/// <param name="EmbeddingNorm">word_embeddings_layernorm.</param>
/// <param name="FinalNorm">ln_f.</param>
/// <param name="Head">lm_head, [vocabulary, hidden]: <paramref name="Embedding"/> itself where they are tied.</param>
internal sealed record ModelEnds(IBloomOps Ops, LinearWeights Embedding, LayerNormWeights EmbeddingNorm, LayerNormWeights FinalNorm, LinearWeights Head);
