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
    private const int WarpSize = 32;
    private const int Threads = 256;
    private const int Outputs = 16; // of a block
    private const int Inputs = 64;  // that are multiplied at once
    private const int WideBlocks = 3; // for each multiprocessor: with fewer blocks than that, larger ones have more bytes under way

    private readonly CudaModule _module = compiler.Compile("int8.cu", device, type, follows: true);
    private readonly int _wideOutputs = compiler.Driver.Multiprocessors(device) * WideBlocks * Outputs;

    /// <summary>Says whether a device has the instructions for a type of activations.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="device">The device's ordinal.</param>
    /// <param name="type">Of activations.</param>
    public static bool Supports(CudaDriver driver, int device, ScalarType type) =>
        type.ElementSize() == sizeof(short) && driver.ComputeCapability(device).Major >= CudaDriver.Ampere.Major;

    /// <summary>Says whether a matrix is of a size that the kernel takes.</summary>
    /// <param name="weight">[out, in].</param>
    public static bool Fits(Tensor weight) => weight.size(0) % Outputs == 0 && weight.size(1) % Inputs == 0;

    /// <summary>result = x·Wᵀ + b, or is increased by that.</summary>
    /// <param name="x">[rows, in], contiguous; at most <see cref="MostFew"/> rows.</param>
    /// <param name="linear">[out, in], int8, such that it <see cref="Fits"/>.</param>
    /// <param name="result">[rows, out], contiguous.</param>
    /// <param name="add">Whether what is there stays.</param>
    public void MultiplyFew(Tensor x, LinearWeights linear, Tensor result, bool add)
    {
        (long rows, long outputs, long inputs) = (x.size(0), linear.Weight.size(0), linear.Weight.size(1));
        (string name, int warps) = (rows <= Few, outputs >= _wideOutputs) switch
        {
            (true, true) => ("few_8_8", 8),
            (true, false) => ("few_8_16", 16),
            (false, true) => ("few_16_8", 8),
            (false, false) => ("few_16_16", 16),
        };
        _module.Launch(
            name,
            ((int)(outputs / Outputs), 1),
            (WarpSize, warps),
            torch.AddressOf(x), torch.AddressOf(linear.Weight), torch.AddressOf(linear.Scales!), AddressOf(linear.Bias), torch.AddressOf(result),
            rows, outputs, inputs, add ? 1 : 0);
    }

    /// <summary>Makes rows whole numbers of 16 bits, in two halves.</summary>
    /// <param name="x">[rows, in], contiguous.</param>
    /// <param name="halves">[2 · rows, in], int8: upper halves, then lower ones.</param>
    /// <param name="units">[rows], float32: what the whole numbers are to be multiplied with.</param>
    public void Split(Tensor x, Tensor halves, Tensor units) => _module.Launch(
        "split", ((int)x.size(0), 1), (Threads, 1), torch.AddressOf(x), torch.AddressOf(halves), torch.AddressOf(units), x.size(1));

    /// <summary>Gives some outputs of a product of halves their scale and bias.</summary>
    /// <param name="products">[2 · rows, outputs], int32.</param>
    /// <param name="units">As <see cref="Split"/> gave them.</param>
    /// <param name="linear">The whole layer.</param>
    /// <param name="result">[rows, out], contiguous.</param>
    /// <param name="first">The first of the outputs.</param>
    /// <param name="add">Whether what is there stays.</param>
    public void Join(Tensor products, Tensor units, LinearWeights linear, Tensor result, long first, bool add)
    {
        long count = products.size(1);
        nint offset = (nint)(first * result.ElementSize);
        _module.Launch(
            "join",
            ((int)((count + Threads - 1) / Threads), (int)units.size(0)),
            (Threads, 1),
            torch.AddressOf(products), torch.AddressOf(units), torch.AddressOf(linear.Scales!) + offset,
            linear.Bias is null ? 0 : torch.AddressOf(linear.Bias) + offset, torch.AddressOf(result) + offset, count, result.size(1), add ? 1 : 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _module.Dispose();

    private nint AddressOf(Tensor? tensor) => tensor is null ? 0 : torch.AddressOf(tensor);
}
