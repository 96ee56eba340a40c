using LocalBloom.AI.Kernels;
using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>What tests of products on the first GPU share.</summary>
internal abstract class KernelFixture : IDisposable
{
    // All cases' kernels: each is compiled once.
    private static readonly Lazy<KernelCompiler> s_compiler = new(() => KernelCompiler.TryOpen(CudaDriver.TryOpen()!, TorchNative.Load(null).Folder)!);

    private readonly PointwiseKernels _pointwise;
    private readonly IDisposable _inference;
    private readonly DisposeScope _scope;
    private readonly Generator _generator = new(7, CPU);

    /// <summary>Initializes a new instance of the <see cref="KernelFixture"/> class; skips the test where there is no GPU.</summary>
    /// <param name="type">Of activations.</param>
    protected KernelFixture(ScalarType type)
    {
        Cuda.Require();
        _inference = inference_mode();
        _scope = NewDisposeScope();
        Type = type;
        Native = TorchNative.Load(null);
        _pointwise = new PointwiseKernels(Native, Compiler, 0, type);
    }

    protected ScalarType Type { get; }

    protected TorchNative Native { get; }

    protected static CudaDriver Driver => s_compiler.Value.Driver;

    /// <summary>Gets the compiler, which keeps what it compiled for later cases.</summary>
    public static KernelCompiler Compiler => s_compiler.Value;

    /// <summary>Gets half the distance between neighbouring numbers of a type, as a share of them.</summary>
    public static double UnitOf(ScalarType type) => type is ScalarType.Float16 ? Math.Pow(2, -11) : Math.Pow(2, -8);

    /// <summary>Asserts that a result is the wanted one, rounded once.</summary>
    /// <param name="wanted">In float32.</param>
    /// <param name="actual">In 16 bits.</param>
    /// <param name="slack">How far off it may be before it is rounded.</param>
    public static void Near(Tensor wanted, Tensor actual, Tensor slack)
    {
        double unit = UnitOf(actual.dtype);
        Tensor excess = (actual.to_type(ScalarType.Float32) - wanted).abs() - (wanted.abs() * unit) - (slack * (1 + unit));
        Assert.True(excess.max().item<float>() <= 0, $"largest excess {excess.max().item<float>()}");
    }

    /// <summary>Makes cases of both types of 16 bits.</summary>
    /// <param name="matrices">Sizes.</param>
    /// <param name="rows">Of x.</param>
    /// <returns>Type, rows, outputs, inputs.</returns>
    public static TheoryData<ScalarType, int, int, int> Cases((int Outputs, int Inputs)[] matrices, int[] rows) =>
    [
        .. from type in new[] { ScalarType.Float16, ScalarType.BFloat16 }
           from shape in matrices
           from count in rows
           select new TheoryDataRow<ScalarType, int, int, int>(type, count, shape.Outputs, shape.Inputs),
    ];

    /// <summary>Makes normal numbers, on the GPU.</summary>
    public Tensor Random(params long[] shape) => randn(shape, generator: _generator).cuda().to_type(Type);

    /// <summary>Gets gelu of numbers, by the kernel of its own.</summary>
    public Tensor Gelu(Tensor x)
    {
        Tensor result = x.clone();
        _pointwise.Gelu(result);
        return result;
    }

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        _pointwise.Dispose();
        _generator.Dispose();
        _scope.Dispose();
        _inference.Dispose();
    }
}
