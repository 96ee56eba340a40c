using LocalBloom.AI.Native;
using static TorchSharp.torch;

namespace LocalBloom.AI.Kernels;

/// <summary>Launches peersum.cu on one rank's device. Belongs to the rank's thread.</summary>
/// <param name="torch">Tells addresses.</param>
/// <param name="compiler">Compiles.</param>
/// <param name="device">The device's ordinal.</param>
/// <param name="type">Of residual and bias.</param>
/// <param name="patience">How long the device waits for another.</param>
internal sealed class PeerSumKernel(TorchNative torch, KernelCompiler compiler, int device, ScalarType type, TimeSpan patience) : IDisposable
{
    /// <summary>The most blocks of a launch: few enough that all of them run at once, as the source explains.</summary>
    public const int Blocks = 64;

    /// <summary>Rows are read in so many numbers at once.</summary>
    public const int Quad = 4;

    private const int Threads = 256;

    private readonly CudaModule _module = compiler.Compile(
        "peersum.cu", device, type, follows: false, ("PATIENCE_MS", (int)patience.TotalMilliseconds), ("BLOCKS", Blocks), ("THREADS", Threads));

    /// <summary>residual += Σ parts + bias.</summary>
    /// <param name="ranks">Addresses of each rank's parts and signals, [ranks, 2], int64.</param>
    /// <param name="own">This rank.</param>
    /// <param name="turns">[<see cref="Blocks"/>], int32.</param>
    /// <param name="status">Address of two int32 in the host's memory.</param>
    /// <param name="buffer">Which of the two parts.</param>
    /// <param name="capacity">Numbers of one part's buffer.</param>
    /// <param name="bias">[width]; null for none.</param>
    /// <param name="residual">[rows, width], contiguous; width a multiple of <see cref="Quad"/>.</param>
    /// <param name="isInSlices">Whether each rank adds up a slice for all, in its own part; the same for all ranks.</param>
    public void AddSum(Tensor ranks, int own, Tensor turns, nint status, int buffer, long capacity, Tensor? bias, Tensor residual, bool isInSlices)
    {
        (long elements, long width) = (residual.numel(), residual.size(1));
        int blocks = (int)Math.Clamp((elements / Quad + Threads - 1) / Threads, 1, Blocks);
        _module.Launch(
            isInSlices ? "add_sum_in_slices" : "add_sum",
            (blocks, 1),
            (Threads, 1),
            torch.AddressOf(ranks), ranks.size(0), own, torch.AddressOf(turns), status, buffer, capacity, bias is null ? 0 : torch.AddressOf(bias),
            torch.AddressOf(residual), elements, width);
    }

    /// <inheritdoc/>
    public void Dispose() => _module.Dispose();
}
