using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Kernels;

/// <summary>Launches pointwise.cu on one device. Belongs to the engine thread.</summary>
/// <param name="torch">Tells addresses.</param>
/// <param name="compiler">Compiles.</param>
/// <param name="device">The device's ordinal.</param>
/// <param name="type">Of activations and weights.</param>
internal sealed class PointwiseKernels(TorchNative torch, KernelCompiler compiler, int device, ScalarType type) : IDisposable
{
    private const int Threads = 256;
    private const int NormThreads = 512;
    private const int LoadBytes = 16; // of a thread

    private readonly CudaModule _module = compiler.Compile("pointwise.cu", device, type, follows: true);

    /// <summary>result = LayerNorm(x).</summary>
    /// <remarks>Weights are read before kernels in front end: none that may still run is to write them.</remarks>
    /// <param name="x">[rows, width], contiguous.</param>
    /// <param name="norm">[width] each.</param>
    /// <param name="result">[rows, width], contiguous; may be <paramref name="x"/>.</param>
    public void Norm(Tensor x, LayerNormWeights norm, Tensor result)
    {
        int rows = (int)x.size(0);
        if (rows > 0) // a step of a long prompt's midst asks for no logits
        {
            _module.Launch(
                "layer_norm",
                (rows, 1),
                (NormThreads, 1),
                torch.AddressOf(x), torch.AddressOf(norm.Weight), torch.AddressOf(norm.Bias), torch.AddressOf(result),
                x.size(1), BitConverter.SingleToUInt32Bits((float)norm.Epsilon));
        }
    }

    /// <summary>x += bias.</summary>
    /// <param name="x">[rows, width], contiguous.</param>
    /// <param name="bias">[width].</param>
    public void AddBias(Tensor x, Tensor bias)
    {
        long width = x.size(1);
        _module.Launch("add_bias", (Blocks(width), (int)x.size(0)), (Threads, 1), torch.AddressOf(x), torch.AddressOf(bias), width);
    }

    /// <summary>x = gelu(x), with BLOOM's tanh approximation.</summary>
    /// <param name="x">[rows, width], contiguous.</param>
    public void Gelu(Tensor x)
    {
        long count = x.numel();
        _module.Launch("gelu", (Blocks(count), 1), (Threads, 1), torch.AddressOf(x), count);
    }

    /// <inheritdoc/>
    public void Dispose() => _module.Dispose();

    private int Blocks(long numbers)
    {
        long ofBlock = Threads * (LoadBytes / type.ElementSize());
        return (int)((numbers + ofBlock - 1) / ofBlock);
    }
}
