using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Collectives;

/// <summary>What torch does with a sum that is there.</summary>
internal static class ResidualSum
{
    /// <summary>residual += sum + bias, in float32 with one rounding at the end.</summary>
    /// <param name="residual">[rows, width].</param>
    /// <param name="sum">[rows, width], float32, on the same device; undefined afterwards.</param>
    /// <param name="bias">[width]; null for none.</param>
    public static void Add(Tensor residual, Tensor sum, Tensor? bias)
    {
        using DisposeScope scope = NewDisposeScope();
        if (bias is not null)
        {
            sum.add_(bias);
        }

        residual.copy_(sum.add_(residual));
    }
}
