using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Kernels;

/// <summary>Launches int8.cu on one device. Belongs to the engine thread.</summary>
/// <param name="torch">Tells addresses.</param>
/// <param name="compiler">Compiles.</param>
/// <param name="device">The device's ordinal.</param>
/// <param name="type">Of activations: 16 bits.</param>
internal sealed class Int8Kernel(TorchNative torch, KernelCompiler compiler, int device, ScalarType type) : IDisposable
{
    /// <summary>So many rows go through <see cref="MultiplyFew"/>.</summary>
    public const int MostFew = 16;

    private const int Few = 8;
    private const int Warps = 8;
    private const int WarpSize = 32;
    private const int Threads = 256;
    private const int Outputs = 16; // of a block
    private const int Inputs = 64;  // that are multiplied at once

    private readonly CudaModule _module = compiler.Compile("int8.cu", device, type);

    /// <summary>Says whether activations are of a type that the kernel knows.</summary>
    public static bool Supports(ScalarType type) => type.ElementSize() == 2;

    /// <summary>Says whether a matrix is of a size that the kernel takes.</summary>
    /// <param name="weight">[out, in].</param>
    public static bool Fits(Tensor weight) => weight.shape[0] % Outputs == 0 && weight.shape[1] % Inputs == 0;

    /// <summary>result = x·Wᵀ + b, or is increased by that.</summary>
    /// <param name="x">[rows, in], contiguous; at most <see cref="MostFew"/> rows.</param>
    /// <param name="linear">[out, in], int8, such that it <see cref="Fits"/>.</param>
    /// <param name="result">[rows, out], contiguous.</param>
    /// <param name="add">Whether what is there stays.</param>
    public void MultiplyFew(Tensor x, LinearWeights linear, Tensor result, bool add) => _module.Launch(
        x.shape[0] <= Few ? "few_8" : "few_16",
        ((int)(linear.Weight.shape[0] / Outputs), 1),
        (WarpSize, Warps),
        torch.AddressOf(x), torch.AddressOf(linear.Weight), torch.AddressOf(linear.Scales!), AddressOf(linear.Bias), torch.AddressOf(result),
        x.shape[0], linear.Weight.shape[0], linear.Weight.shape[1], add ? 1 : 0);

    /// <summary>Makes rows whole numbers of 16 bits, in two halves.</summary>
    /// <param name="x">[rows, in], contiguous.</param>
    /// <param name="halves">[2 · rows, in], int8: upper halves, then lower ones.</param>
    /// <param name="units">[rows], float32: what the whole numbers are to be multiplied with.</param>
    public void Split(Tensor x, Tensor halves, Tensor units) => _module.Launch(
        "split", ((int)x.shape[0], 1), (Threads, 1), torch.AddressOf(x), torch.AddressOf(halves), torch.AddressOf(units), x.shape[1]);

    /// <summary>Gives some outputs of a product of halves their scale and bias.</summary>
    /// <param name="products">[2 · rows, outputs], int32.</param>
    /// <param name="units">As <see cref="Split"/> gave them.</param>
    /// <param name="linear">The whole layer.</param>
    /// <param name="result">[rows, out], contiguous.</param>
    /// <param name="first">The first of the outputs.</param>
    /// <param name="add">Whether what is there stays.</param>
    public void Join(Tensor products, Tensor units, LinearWeights linear, Tensor result, long first, bool add)
    {
        long count = products.shape[1];
        nint offset = (nint)(first * result.ElementSize);
        _module.Launch(
            "join",
            ((int)((count + Threads - 1) / Threads), (int)units.shape[0]),
            (Threads, 1),
            torch.AddressOf(products), torch.AddressOf(units), torch.AddressOf(linear.Scales!) + offset,
            linear.Bias is null ? 0 : torch.AddressOf(linear.Bias) + offset, torch.AddressOf(result) + offset, count, result.shape[1], add ? 1 : 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _module.Dispose();

    private nint AddressOf(Tensor? tensor) => tensor is null ? 0 : torch.AddressOf(tensor);
}
