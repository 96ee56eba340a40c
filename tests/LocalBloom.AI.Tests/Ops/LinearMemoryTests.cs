using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Tests.Placement;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Ops;

/// <summary>What products on a CPU take in passing, with a matrix that is 256 MiB in float32.</summary>
[Collection(nameof(AloneInTheProcess))]
public class LinearMemoryTests
{
    private const int Rows = PromptTypeLinear.ManyRows;
    private const int In = 1024;
    private const int Out = 65536;
    private const long Elements = (long)Out * In;
    private const long MostConverted = 16 << 20;

    private static readonly TorchNative s_torch = TorchNative.Load(null);
    private static readonly BloomConfig s_config = BloomConfig.ForShape($"1,{In},16,{Out}");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PromptsInAnotherType_ConvertNoMoreThanIsPlanned(bool isInt8)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor weight = ones([Out, In], isInt8 ? ScalarType.Int8 : ScalarType.Float16);
        var linear = new LinearWeights(weight, weight.t(), isInt8 ? ones([Out], ScalarType.Float16) : null, null);
        Tensor x = ones([Rows, In], ScalarType.Float16);
        Tensor result = empty([Rows, Out], ScalarType.Float16);
        var kernel = new PromptTypeLinear(new DenseLinear(s_torch), ScalarType.Float32);
        kernel.Multiply(x, linear, result); // what libraries take once

        long taken = PeakMemory.Of(() =>
        {
            kernel.Multiply(x, linear, result);
            kernel.MultiplyAdd(x, linear, result);
        });

        Assert.InRange(taken, 0, PromptTypeLinear.TemporaryBytes(Elements) + PeakMemory.Runtime);
        Assert.InRange(PromptTypeLinear.TemporaryBytes(Elements), 1, MostConverted);
        Assert.InRange(PromptTypeLinear.TemporaryBytes(Elements), 1, new ModelFootprint(s_config, new(ScalarType.Float16), 16).TemporaryBytes(PlanningDevices.Device("cpu", 0)));
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Int8_TakesNoMoreThanIsPlanned(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = ones([Rows, In], type);
        Tensor result = empty([Rows, Out], type);
        (LinearWeights linear, LinearWeights odd) = (Int8(In), Int8(In - 1));
        (Tensor oddX, ILinearKernel kernel) = (ones([Rows, In - 1], type), new Int8Linear(s_torch));
        kernel.Multiply(x, linear, result); // what libraries take once
        kernel.Multiply(oddX, odd, result);

        long rows = 2 * result.numel() * sizeof(float);
        Assert.InRange(PeakMemory.Of(() => kernel.Multiply(x, linear, result)), 0, rows + PeakMemory.Runtime);
        Assert.InRange(PeakMemory.Of(() => kernel.Multiply(oddX, odd, result)), 0, DequantizedLinear.TemporaryBytes(Elements, type) + rows + PeakMemory.Runtime);

        LinearWeights Int8(int inputs)
        {
            Tensor weight = ones([Out, inputs], ScalarType.Int8);
            return new LinearWeights(weight, weight.t(), ones([Out], type), null);
        }
    }

    [Fact]
    public void IntegerProductsInPieces_ConvertNoMoreThanIsPlanned()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor weight = ones([Out, In], ScalarType.Int8);
        Tensor x = ones([1, In], ScalarType.Int8);
        IntegerProduct.InPieces(x, weight.t()).Dispose();

        long taken = PeakMemory.Of(() => IntegerProduct.InPieces(x, weight.t()).Dispose());

        Assert.InRange(taken, 0, LlmInt8Linear.TemporaryBytes(4 * In, rows: 1));
        Assert.InRange(taken, 0, MostConverted + PeakMemory.Runtime);
    }
}
