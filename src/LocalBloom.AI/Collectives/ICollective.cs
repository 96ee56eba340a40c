using static TorchSharp.torch;

namespace LocalBloom.AI.Collectives;

/// <summary>The sum over all ranks, as one of them sees it. Belongs to that rank's thread.</summary>
/// <remarks>All ranks call in the same order, with the same number of rows. All get the same bits: they add the same numbers in the order of the ranks.</remarks>
internal interface ICollective
{
    /// <summary>Gets where this rank's part of the next sum goes; it stays the collective's own.</summary>
    /// <param name="rows">How many rows.</param>
    /// <returns>[rows, width], float32; its content is undefined.</returns>
    Tensor Partial(int rows);

    /// <summary>residual += Σ parts + bias, in float32 with one rounding at the end.</summary>
    /// <param name="residual">[rows, width], contiguous.</param>
    /// <param name="bias">[width]; null for none.</param>
    /// <exception cref="RankLostException">Another rank failed, or did not come.</exception>
    void AddSum(Tensor residual, Tensor? bias);
}
