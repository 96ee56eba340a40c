using LocalBloom.AI.Kernels;
using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>pointwise.cu against plain torch in float32.</summary>
public sealed class PointwiseKernelTests
{
    public static TheoryData<ScalarType, int, int> Shapes =>
    [
        .. from type in new[] { ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16 }
           from shape in new[] { (1, 1), (1, 31), (3, 64), (2, 255), (5, 256), (7, 257), (1, 4096), (170, 4096), (2, 14336), (2, 16384), (2, 16392) }
           select new TheoryDataRow<ScalarType, int, int>(type, shape.Item1, shape.Item2),
    ];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Kernels_AreTheOracles(ScalarType type, int rows, int width)
    {
        Cuda.Require();
        using IDisposable inference = inference_mode();
        using DisposeScope scope = NewDisposeScope();
        var native = TorchNative.Load(null);
        using var kernels = new PointwiseKernels(native, KernelFixture.Compiler, 0, type);
        using var generator = new Generator((ulong)(rows + width), CPU);
        Tensor Random(params long[] shape) => randn(shape, generator: generator).cuda().to_type(type);
        Tensor x = (Random(rows, width) * 3) + 1;
        var norm = new LayerNormWeights(Random(width), Random(width), 1e-5);
        Tensor exact = x.to_type(ScalarType.Float32);
        Tensor weight = norm.Weight.to_type(ScalarType.Float32);
        Tensor bias = norm.Bias.to_type(ScalarType.Float32);

        Tensor normed = full([rows, width], float.NaN, type, CUDA);
        kernels.Norm(x, norm, normed);
        Near(nn.functional.layer_norm(exact, [width], weight, bias, 1e-5), normed);

        Tensor sum = x.clone();
        kernels.AddBias(sum, norm.Bias);
        Near(exact + bias, sum);

        Tensor activated = x.clone();
        kernels.Gelu(activated);
        Near(nn.functional.gelu(exact, TorchSharp.Modules.GELU.Approximate.tanh, inplace: false), activated);

        kernels.Norm(x.narrow(0, 0, 0), norm, x); // of no rows
        Near(exact, x);
        kernels.Norm(x, norm, x); // in place
        Near(normed.to_type(ScalarType.Float32), x);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Gelu_KeepsItsEnds(ScalarType type)
    {
        Cuda.Require();
        using IDisposable inference = inference_mode();
        using DisposeScope scope = NewDisposeScope();
        var native = TorchNative.Load(null);
        using var kernels = new PointwiseKernels(native, KernelFixture.Compiler, 0, type);
        Tensor x = tensor(new[] { 60000f, -60000f, 20f, -20f, 0f, 1e-4f, -1e-4f, float.PositiveInfinity, float.NaN }).view(1, 9).cuda().to_type(type);
        Tensor wanted = nn.functional.gelu(x.to_type(ScalarType.Float32), TorchSharp.Modules.GELU.Approximate.tanh, inplace: false);

        kernels.Gelu(x);

        Near(wanted.narrow(1, 0, 7), x.narrow(1, 0, 7));
        Assert.Equal(float.PositiveInfinity, x[0, 7].to_type(ScalarType.Float32).item<float>());
        Assert.True(float.IsNaN(x[0, 8].to_type(ScalarType.Float32).item<float>()));
    }

    // One rounding to the type (half a step, 2⁻¹² of the value for float16), and float32 sums of up to 16392 terms in another order.
    private static void Near(Tensor wanted, Tensor actual)
    {
        double unit = actual.dtype switch { ScalarType.Float16 => Math.Pow(2, -11), ScalarType.BFloat16 => Math.Pow(2, -8), _ => 0 };
        Tensor excess = (actual.to_type(ScalarType.Float32) - wanted).abs() - (wanted.abs() * unit) - 2e-5;
        Assert.True(excess.max().item<float>() <= 0, $"largest excess {excess.max().item<float>()}");
    }
}
