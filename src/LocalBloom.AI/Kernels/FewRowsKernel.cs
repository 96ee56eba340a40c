using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Kernels;

/// <summary>Launches fewrows.cu and fewtiles.cu on one device. Belongs to the engine thread.</summary>
internal sealed class FewRowsKernel : IDisposable
{
    private const int WarpSize = 32;

    private readonly TorchNative _torch;
    private readonly FewRowsShape[] _shapes; // better ones first
    private readonly IReadOnlyList<CudaModule> _modules; // one for each shape
    private readonly int _multiprocessors;

    /// <summary>Initializes a new instance of the <see cref="FewRowsKernel"/> class, compiling for each shape that the device has room for.</summary>
    /// <param name="torch">Tells addresses.</param>
    /// <param name="compiler">Compiles.</param>
    /// <param name="device">The device's ordinal.</param>
    /// <param name="type">Of activations: 16 bits.</param>
    /// <param name="weightBits">8 for int8 weights, 16 for weights of <paramref name="type"/>.</param>
    public FewRowsKernel(TorchNative torch, KernelCompiler compiler, int device, ScalarType type, int weightBits)
    {
        _torch = torch;
        _multiprocessors = compiler.Driver.Multiprocessors(device);
        _shapes = [.. FewRowsShape.For(weightBits, compiler.Driver.MaxSharedBytes(device), compiler.MayOverlap(device))];
        _modules = compiler.CompileEach(
            device, type, follows: true, [.. _shapes.Select(shape => (shape.IsAtOnce ? "fewtiles.cu" : "fewrows.cu", Definitions(shape)))]);
    }

    /// <summary>Says whether a device has the instructions for a type of activations.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="device">The device's ordinal.</param>
    /// <param name="type">Of activations.</param>
    public static bool Supports(CudaDriver driver, int device, ScalarType type) =>
        type.ElementSize() == sizeof(short) && driver.ComputeCapability(device).Major >= CudaDriver.Ampere.Major;

    /// <summary>result = x·Wᵀ + b, or gelu of that, or is increased by it.</summary>
    /// <remarks>Weights are read before kernels in front end: none that may still run is to write them. They begin at 16 bytes, as <paramref name="x"/> does.</remarks>
    /// <param name="x">[rows, in], contiguous.</param>
    /// <param name="linear">[out, in], of as many bits as the kernel is for.</param>
    /// <param name="result">[rows, out], contiguous.</param>
    /// <param name="end">Which of these.</param>
    /// <returns>False, with nothing done, where the product is not of a size that the kernel does.</returns>
    public bool TryMultiply(Tensor x, LinearWeights linear, Tensor result, FewRowsEnd end)
    {
        (long rows, long outputs, long inputs) = (x.size(0), linear.Weight.size(0), linear.Weight.size(1));
        int index = FewRowsShape.Choose(_shapes, rows, outputs, inputs, _multiprocessors);
        if (index < 0)
        {
            return false;
        }

        FewRowsShape shape = _shapes[index];
        _modules[index].Launch(
            shape.IsAtOnce ? "few_at_once" : "few",
            new LaunchShape((shape.Grid(outputs, _multiprocessors), 1), (WarpSize, shape.Warps), shape.SharedBytes),
            _torch.AddressOf(x), _torch.AddressOf(linear.Weight), AddressOf(linear.Scales), AddressOf(linear.Bias), _torch.AddressOf(result),
            rows, outputs, inputs, (int)end);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => Disposal.AllOrThrow([.. _modules]);

    private static IReadOnlyList<(string Name, int Value)> Definitions(FewRowsShape shape) =>
    [
        ("STORED_BITS", shape.WeightBits), ("OUTPUTS", shape.Outputs), ("WARPS", shape.Warps), ("DEPTH", shape.Depth), ("HELD", shape.Held),
        ("ROW_TILES", shape.RowTiles), ("AHEAD", shape.Ahead), ("BLOCKS", shape.Blocks), ("SHARED_BYTES", shape.SharedBytes),
    ];

    private nint AddressOf(Tensor? tensor) => tensor is null ? 0 : _torch.AddressOf(tensor);
}
