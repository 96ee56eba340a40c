using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>Rounds rows of a matrix to int8: weight ≈ scale × q, |q| ≤ 127, one scale a row.</summary>
/// <remarks>
/// Absolute maximum over 127, as LLM.int8() and BMInf take for weights. The scale is rounded to the model's number type first and the weights by the rounded
/// one, so that no row is off by a factor. Among subnormal numbers, rounding may halve a scale or leave none: there it is rounded up. So each weight is off by
/// half a scale at most.
/// </remarks>
internal static class Int8Quantizer
{
    private const double Largest = 127;
    private const long MaxElements = 1 << 22; // at once: float32 copies of so many are all that is needed besides

    /// <summary>Quantises rows.</summary>
    /// <param name="rows">[rows, in], of any number type, on any device.</param>
    /// <param name="result">[rows, in], int8, on the model's device.</param>
    /// <param name="scales">[rows], in the model's number type, on the same device.</param>
    public static void Quantize(Tensor rows, Tensor result, Tensor scales)
    {
        using Scalar largest = Largest.ToScalar(), smallest = (-Largest).ToScalar(), tooLarge = (Largest + 0.5).ToScalar();
        using Scalar step = SmallestOf(scales.dtype).ToScalar();
        using Tensor levels = tensor((float)Largest, result.device); // by a number CUDA multiplies with its rounded reciprocal, and other scales than a CPU's come out
        long chunk = Math.Max(1, MaxElements / rows.shape[1]);
        for (long row = 0; row < rows.shape[0]; row += chunk)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(chunk, rows.shape[0] - row);
            Tensor exact = rows.narrow(0, row, count).to(result.device).to_type(ScalarType.Float32);
            Tensor scale = scales.narrow(0, row, count);
            Tensor peaks = exact.abs().amax([1]);
            scale.copy_(peaks / levels);
            Tensor rounded = scale.to_type(ScalarType.Float32);
            scale.copy_(where(peaks / rounded > tooLarge, rounded + step, rounded));
            Tensor divisor = scale.to_type(ScalarType.Float32).unsqueeze(1);
            Tensor quotient = where(divisor > Scalars.Zero, exact / divisor, zeros_like(exact)); // a row of zeros
            result.narrow(0, row, count).copy_(quotient.round_().clamp_(smallest, largest));
        }
    }

    /// <summary>Finds the first scale that is none: negative or not finite.</summary>
    public static (long Row, float Scale)? FindInvalid(Tensor scales)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor exact = scales.to_type(ScalarType.Float32);
        Tensor invalid = exact.isfinite().logical_and(exact >= Scalars.Zero).logical_not();
        if (!invalid.any().item<bool>())
        {
            return null;
        }

        long row = invalid.nonzero()[0].item<long>();
        return (row, exact[row].item<float>());
    }

    // Subnormal numbers are so far apart, too.
    private static double SmallestOf(ScalarType type) => type switch
    {
        ScalarType.Float16 => (double)Half.Epsilon,
        ScalarType.BFloat16 => Math.ScaleB(1, -133),
        _ => float.Epsilon,
    };
}
