using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Kernels;

/// <summary>Launches int8prompt.cu on one device. Belongs to the engine thread.</summary>
internal sealed class Int8PromptKernel : IDisposable
{
    private const int Inputs = Int8PromptTiling.ChunkInputs;
    private const int PackThreads = 256;
    private const int PackNumbers = 8; // of a thread
    private const int Stages = 4;       // of the pipeline
    private const int Padding = 4;      // numbers between rows of sums
    private const int Alignment = 1024; // bytes, of shared memory that wgmma reads

    private const int MostMultiprocessors = 144; // that any GPU with the instructions has, an H100 with none switched off

    private readonly TorchNative _torch;
    private readonly Dictionary<Int8PromptTiling, CudaModule> _modules;
    private readonly Tensor _arrivals; // zeros between two launches
    private readonly int _multiprocessors;

    /// <summary>Initializes a new instance of the <see cref="Int8PromptKernel"/> class, compiling for each tiling. Takes some seconds of all processors together.</summary>
    /// <param name="torch">Tells addresses.</param>
    /// <param name="compiler">Compiles.</param>
    /// <param name="device">The device's ordinal.</param>
    /// <param name="type">Of activations: 16 bits.</param>
    public Int8PromptKernel(TorchNative torch, KernelCompiler compiler, int device, ScalarType type)
    {
        _torch = torch;
        _multiprocessors = compiler.Driver.Multiprocessors(device);
        _arrivals = zeros([_multiprocessors], ScalarType.Int32, new Device(DeviceType.CUDA, device)).DetachFromDisposeScope();
        try
        {
            _modules = Int8PromptTiling.All
                .Zip(compiler.CompileEach(device, type, follows: true, [.. Int8PromptTiling.All.Select(tiling => ("int8prompt.cu", Definitions(tiling)))]))
                .ToDictionary(pair => pair.First, pair => pair.Second);
        }
        catch
        {
            _arrivals.Dispose();
            throw;
        }
    }

    /// <summary>Says whether a device has the instructions.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="device">The device's ordinal.</param>
    public static bool Supports(CudaDriver driver, int device) => Supports(driver.ComputeCapability(device));

    /// <inheritdoc cref="Supports(CudaDriver, int)"/>
    /// <param name="capability">The device's compute capability.</param>
    public static bool Supports((int Major, int Minor) capability) => capability == CudaDriver.Hopper;

    /// <summary>Gets the bytes that a product takes in passing, at most.</summary>
    /// <param name="rows">The most rows.</param>
    /// <param name="inputs">The most inputs.</param>
    public static long TemporaryBytes(int rows, int inputs) =>
        Int8PromptTiling.All.Max(tiling => PackedBytes(tiling, rows, inputs)) + Int8PromptTiling.All.Max(tiling => PartialBytes(tiling, MostMultiprocessors));

    /// <summary>result = x·Wᵀ + b, or is increased by that.</summary>
    /// <param name="x">[rows, in], contiguous.</param>
    /// <param name="linear">[out, in], int8, such that <see cref="Ops.CudaInt8Linear.Fits"/>.</param>
    /// <param name="result">[rows, out], contiguous.</param>
    /// <param name="add">Whether what is there stays.</param>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result, bool add)
    {
        (Int8PromptTiling tiling, int splits) = Int8PromptTiling.Choose((int)x.size(0), (int)linear.Weight.size(0), (int)linear.Weight.size(1), _multiprocessors);
        Multiply(x, linear, result, add, tiling, splits);
    }

    /// <summary>The same, cut as is asked for.</summary>
    /// <inheritdoc cref="Multiply(Tensor, LinearWeights, Tensor, bool)"/>
    /// <param name="x">As there.</param>
    /// <param name="linear">As there.</param>
    /// <param name="result">As there.</param>
    /// <param name="add">As there.</param>
    /// <param name="tiling">One of <see cref="Int8PromptTiling.All"/>.</param>
    /// <param name="splits">How many blocks share the inputs of a tile; above 1 only where all of them fit on the device at once.</param>
    public void Multiply(Tensor x, LinearWeights linear, Tensor result, bool add, Int8PromptTiling tiling, int splits)
    {
        (int rows, int outputs, int inputs) = ((int)x.size(0), (int)linear.Weight.size(0), (int)linear.Weight.size(1));
        (int blocks, int tiles) = (tiling.RowBlocks(rows), tiling.Tiles(rows, outputs));
        long packedBytes = PackedBytes(tiling, rows, inputs);
        long partialBytes = splits > 1 ? PartialBytes(tiling, tiles * splits) : 0;
        using Tensor room = empty([packedBytes + partialBytes], ScalarType.Int8, x.device);
        nint packed = _torch.AddressOf(room);
        CudaModule module = _modules[tiling];
        module.Launch(
            "pack",
            (((inputs / PackNumbers) + PackThreads - 1) / PackThreads, blocks * tiling.Rows),
            (PackThreads, 1),
            _torch.AddressOf(x), packed, rows, inputs, tiling.Rows);
        int shared = Alignment + Math.Max(Stages * tiling.Rows * Inputs * sizeof(short), tiling.Rows * (tiling.Outputs + Padding) * sizeof(float));
        module.Launch(
            "prompt",
            new LaunchShape((tiles * splits, 1), (tiling.Threads, 1), shared),
            packed, _torch.AddressOf(linear.Weight), _torch.AddressOf(linear.Scales!), linear.Bias is null ? 0 : _torch.AddressOf(linear.Bias),
            _torch.AddressOf(result), packed + (nint)packedBytes, _torch.AddressOf(_arrivals), rows, outputs, inputs, blocks, splits, add ? 1 : 0);
    }

    /// <inheritdoc/>
    public void Dispose() => Disposal.AllOrThrow([.. _modules.Values, _arrivals]);

    private static long PackedBytes(Int8PromptTiling tiling, int rows, int inputs) => (long)tiling.RowBlocks(rows) * tiling.Rows * inputs * sizeof(short);

    private static long PartialBytes(Int8PromptTiling tiling, int blocks) => (long)blocks * tiling.Rows * tiling.Outputs * sizeof(float);

    private static (string, int)[] Definitions(Int8PromptTiling tiling) =>
        [("OUTPUTS", tiling.Outputs), ("ROWS", tiling.Rows), ("STAGES", Stages), ("PADDING", Padding), ("ALIGNMENT", Alignment)];
}
