using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>LLM.int8(): activations are int8 too, but for the columns in which a token of the step has an outlier. Any device, any number of rows.</summary>
/// <remarks>
/// Dettmers et al., "LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale", 2022. On CUDA the host waits for the outliers of each product.
/// </remarks>
/// <param name="native">Torch.</param>
/// <param name="threshold">The least magnitude of an outlier; 0 for none.</param>
internal sealed class LlmInt8Linear(TorchNative native, double threshold) : ILinearKernel
{
    private const double Largest = 127;
    private const long MaxElements = 1 << 24; // of outliers' weights that are numbers at once

    private readonly IntegerProduct _integers = new(native);

    /// <summary>Gets the bytes that a step of a model takes in passing, at most.</summary>
    /// <param name="widest">The most inputs or outputs of a block's matrix.</param>
    /// <param name="rows">The step's rows.</param>
    public static long TemporaryBytes(long widest, int rows) => (8 * sizeof(float) * rows * widest) + (3 * sizeof(float) * MaxElements);

    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result)
    {
        using DisposeScope scope = NewDisposeScope();
        result.copy_(Product(x, linear));
    }

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual)
    {
        using DisposeScope scope = NewDisposeScope();
        residual.add_(Product(x, linear));
    }

    // [rows, out], float32.
    private Tensor Product(Tensor x, LinearWeights linear)
    {
        Tensor exact = x.to_type(ScalarType.Float32);
        using Scalar least = threshold.ToScalar(), largest = Largest.ToScalar(), smallest = (-Largest).ToScalar();
        Tensor outliers = threshold > 0 ? (exact.abs().amax([0]) >= least).nonzero().view(-1) : empty([0], ScalarType.Int64);
        Tensor regular = outliers.numel() == 0 ? exact : exact.index_fill(1, outliers, Scalars.Zero);
        Tensor tokenScales = regular.abs().amax([1], keepdim: true) / largest;
        Tensor quotient = where(tokenScales > Scalars.Zero, regular / tokenScales, zeros_like(regular));
        Tensor rounded = quotient.round_().clamp_(smallest, largest).to_type(ScalarType.Int8);

        Tensor rowScales = linear.Scales!.to_type(ScalarType.Float32);
        Tensor product = _integers.Multiply(rounded, linear.Transposed).to_type(ScalarType.Float32).mul_(tokenScales).mul_(rowScales);
        AddOutliers(exact, outliers, linear, rowScales, product);
        return linear.Bias is { } bias ? product.add_(bias) : product;
    }

    private static void AddOutliers(Tensor x, Tensor columns, LinearWeights linear, Tensor rowScales, Tensor product)
    {
        long count = columns.numel();
        long chunk = Math.Max(1, MaxElements / linear.Weight.size(0));
        for (long first = 0; first < count; first += chunk)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor some = columns.narrow(0, first, Math.Min(chunk, count - first));
            Tensor weight = linear.Weight.index_select(1, some).to_type(ScalarType.Float32).mul_(rowScales.unsqueeze(1));
            product.addmm_(x.index_select(1, some), weight.t(), 1, 1);
        }
    }
}
