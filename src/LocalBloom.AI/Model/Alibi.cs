using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Model;

/// <summary>Attention with linear biases: a key loses slope × distance of its score. There are no position embeddings.</summary>
/// <remarks>Source: Press, Smith, Lewis, "Train Short, Test Long" (2021), and BLOOM's choice for head counts that are no power of two.</remarks>
internal static class Alibi
{
    /// <summary>Gets each head's slope.</summary>
    /// <param name="heads">The number of heads, at least 1.</param>
    /// <returns>[heads], positive.</returns>
    public static float[] Slopes(int heads)
    {
        // A geometric sequence for the largest power of two, then every other slope of the sequence for twice as many.
        int powerOfTwo = 1 << (int)Math.Log2(heads);
        double start = Ratio(powerOfTwo);
        double between = Ratio(2 * powerOfTwo);
        return
        [
            .. Enumerable.Range(1, powerOfTwo).Select(i => (float)Math.Pow(start, i)),
            .. Enumerable.Range(0, heads - powerOfTwo).Select(i => (float)Math.Pow(between, (2 * i) + 1)),
        ];

        static double Ratio(int count) => Math.Pow(2, -8.0 / count);
    }

    /// <summary>Gets what is added to the scores of a segment: slope × (key position − query position), −∞ for keys to come.</summary>
    /// <param name="slopes">[heads, 1, 1], float32.</param>
    /// <param name="segment">Queries and keys.</param>
    /// <returns>[heads, rows, length], float32. Relative positions keep it exact however long the sequence is.</returns>
    public static Tensor Bias(Tensor slopes, StepSegment segment)
    {
        using DisposeScope scope = NewDisposeScope();
        using Scalar length = segment.Length.ToScalar();
        Tensor keys = arange(length, ScalarType.Float32, slopes.device);
        Tensor queries = keys.narrow(0, segment.FirstPosition, segment.RowCount).unsqueeze(1);
        Tensor distance = keys.unsqueeze(0) - queries; // [rows, length]
        if (segment.RowCount > 1)
        {
            distance.masked_fill_(distance > Scalars.Zero, Scalars.MinusInfinity);
        }

        return (slopes * distance).MoveToOuterDisposeScope();
    }
}
