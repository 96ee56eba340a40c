using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Kernels;

/// <summary>Launches int8prompt.cu on one device. Belongs to the engine thread.</summary>
/// <param name="torch">Tells addresses.</param>
/// <param name="compiler">Compiles.</param>
/// <param name="device">The device's ordinal.</param>
/// <param name="type">Of activations: 16 bits.</param>
internal sealed class Int8PromptKernel(TorchNative torch, KernelCompiler compiler, int device, ScalarType type) : IDisposable
{
    private const int Inputs = 64;   // of a chunk
    private const int Outputs = 128; // of a block
    private const int Tile = 64;     // rows of one product
    private const int MostTiles = 4; // of a block
    private const int Stages = 4;
    private const int Stride = Outputs + 4;
    private const int Alignment = 1024;
    private const int Threads = 384;
    private const int PackThreads = 256;
    private const int PackNumbers = 8; // of a thread

    private static readonly string[] s_names = ["prompt_1", "prompt_2", "prompt_3", "prompt_4"]; // by tiles

    private readonly CudaModule _module = compiler.Compile("int8prompt.cu", device, type);
    private readonly int _multiprocessors = compiler.Driver.Multiprocessors(device);

    /// <summary>Says whether a device has the instructions.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="device">The device's ordinal.</param>
    public static bool Supports(CudaDriver driver, int device) => driver.ComputeCapability(device) == CudaDriver.Hopper;

    /// <summary>Gets how many rows there are once blocks are filled up.</summary>
    /// <param name="rows">At least one.</param>
    public static long PackedRows(long rows)
    {
        (long blocks, int tiles) = Blocks(rows);
        return blocks * tiles * Tile;
    }

    /// <summary>result = x·Wᵀ + b, or is increased by that.</summary>
    /// <param name="x">[rows, in], contiguous.</param>
    /// <param name="packed">[<see cref="PackedRows"/>, in], of x's type: room.</param>
    /// <param name="linear">[out, in], int8, such that <see cref="Int8Kernel.Fits"/>.</param>
    /// <param name="result">[rows, out], contiguous.</param>
    /// <param name="add">Whether what is there stays.</param>
    public void Multiply(Tensor x, Tensor packed, LinearWeights linear, Tensor result, bool add)
    {
        (long rows, long outputs, long inputs) = (x.size(0), linear.Weight.size(0), linear.Weight.size(1));
        (long blocks, int tiles) = Blocks(rows);
        long blockRows = tiles * Tile;
        _module.Launch(
            "pack",
            ((int)((inputs / PackNumbers + PackThreads - 1) / PackThreads), (int)(blocks * blockRows)),
            (PackThreads, 1),
            torch.AddressOf(x), torch.AddressOf(packed), rows, inputs, blockRows);
        long parts = (outputs + Outputs - 1) / Outputs * blocks;
        int ranks = Ranks(parts, inputs / Inputs, tiles);
        int shared = Alignment + Math.Max(Stages * tiles * Tile * Inputs * sizeof(short), tiles * Tile * Stride * sizeof(float));
        _module.Launch(
            s_names[tiles - 1],
            new LaunchShape(((int)(parts * ranks), 1), (Threads, 1), shared, ranks),
            torch.AddressOf(packed), torch.AddressOf(linear.Weight), torch.AddressOf(linear.Scales!), linear.Bias is null ? 0 : torch.AddressOf(linear.Bias),
            torch.AddressOf(result), rows, outputs, inputs, blocks, add ? 1 : 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _module.Dispose();

    private static (long Count, int Tiles) Blocks(long rows)
    {
        long count = (rows + (MostTiles * Tile) - 1) / (MostTiles * Tile);
        return (count, (int)((rows + (count * Tile) - 1) / (count * Tile)));
    }

    // Over how many blocks the inputs are shared out, so that all multiprocessors have work.
    private int Ranks(long parts, long chunks, int tiles)
    {
        int most = tiles == 1 ? 4 : 2;
        int ranks = 1;
        while (ranks < most && parts * ranks * 2 <= _multiprocessors * (tiles == 1 ? 2 : 1) && chunks >= 2 * ranks * Stages)
        {
            ranks *= 2;
        }

        return ranks;
    }
}
