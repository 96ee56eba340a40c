using LocalBloom.AI.Kernels;
using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Products of many rows with int8 weights by the integer products of cuBLAS, on any GPU that has them.</summary>
/// <remarks>
/// Rows become whole numbers of 16 bits, whose halves are multiplied separately and exactly. That is as fast as one product of 16-bit floating-point
/// numbers, and nothing has to be dequantised.
/// </remarks>
/// <param name="torch">Computes integer products.</param>
/// <param name="kernel">For this device.</param>
internal sealed class HalvesLinear(TorchNative torch, HalvesKernel kernel) : ILinearKernel
{
    private const long MaxElements = 1 << 25; // of an integer product that are there at once
    private const long OutputBlock = 64; // parts of a matrix begin where cuBLAS's wide loads may

    /// <summary>Gets the bytes that integer products take in passing, at most, with halves of rows and cuBLAS's own.</summary>
    public static long TemporaryBytes => 2 * sizeof(int) * MaxElements;

    /// <inheritdoc/>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result) => Multiply(x, linear, result, add: false);

    /// <inheritdoc/>
    public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual) => Multiply(x, linear, residual, add: true);

    private void Multiply(Tensor x, LinearWeights linear, Tensor result, bool add)
    {
        using DisposeScope scope = NewDisposeScope();
        (long rows, long outputs) = (x.size(0), linear.Weight.size(0));
        Tensor halves = empty([2 * rows, x.size(1)], ScalarType.Int8, x.device);
        Tensor units = empty([rows], ScalarType.Float32, x.device);
        kernel.Split(x, halves, units);
        long most = Math.Min(outputs, Math.Max(OutputBlock, MaxElements / (2 * rows) / OutputBlock * OutputBlock));
        Tensor products = empty([2 * rows * most], ScalarType.Int32, x.device);
        for (long first = 0; first < outputs; first += most)
        {
            using DisposeScope part = NewDisposeScope();
            long count = Math.Min(most, outputs - first);
            Tensor some = products.narrow(0, 0, 2 * rows * count).view(2 * rows, count);
            torch.IntegerMatrixProduct(some, halves, linear.Transposed.narrow(1, first, count));
            kernel.Join(some, units, linear, result, first, add);
        }
    }
}
