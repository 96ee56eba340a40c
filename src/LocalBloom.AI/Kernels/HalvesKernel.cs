using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Kernels;

/// <summary>Launches halves.cu on one device. Belongs to the engine thread.</summary>
/// <param name="torch">Tells addresses.</param>
/// <param name="compiler">Compiles.</param>
/// <param name="device">The device's ordinal.</param>
/// <param name="type">Of activations: 16 bits.</param>
internal sealed class HalvesKernel(TorchNative torch, KernelCompiler compiler, int device, ScalarType type) : IDisposable
{
    private const int Threads = 256;

    private readonly CudaModule _module = compiler.Compile("halves.cu", device, type, follows: true);

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
}
