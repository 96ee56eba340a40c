using LocalBloom.AI.Kernels;
using LocalBloom.AI.Model;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Placement;

/// <summary>Products are counted by who computes them.</summary>
public class ProductMemoryTests
{
    private const long DequantizedBytes = 2 * sizeof(short) * (1L << 26);
    private static readonly (int, int) s_hopper = (9, 0);
    private static readonly (int, int) s_ampere = (8, 0);
    private static readonly WeightFormat s_dense = new(ScalarType.Float16);
    private static readonly WeightFormat s_int8 = new(ScalarType.Float16, IsInt8: true);
    private static readonly WeightFormat s_llmInt8 = s_int8 with { Int8 = new(BloomInt8Scheme.LlmInt8, 6, []) };

    [Fact]
    public void DenseProducts_TakeNothingOnAGpu_AndConvertedWeightsOnACpu()
    {
        Assert.Equal(0, Bytes("7b1", s_dense, Gpu(s_hopper)));
        Assert.Equal(0, Bytes("7b1", s_dense, Gpu(null)));
        Assert.Equal(sizeof(float) << 22, Bytes("7b1", s_dense, Cpu));
    }

    [Theory]
    [InlineData("560m", 10_000_000)]
    [InlineData("7b1", 40_000_000)]
    [InlineData("176b", 80_000_000)]
    public void OurKernel_TakesFarLessThanIntegerProducts(string shape, long most)
    {
        Assert.InRange(Bytes(shape, s_int8, Gpu(s_hopper)), 1, most + 20_000_000);
        Assert.InRange(Bytes(shape, s_int8, Gpu(s_ampere)), HalvesLinear.TemporaryBytes, 300_000_000);
    }

    [Fact]
    public void AGpuThatIsNotKnown_IsCountedAsTheKindThatTakesMost()
    {
        foreach (WeightFormat format in new[] { s_dense, s_int8, s_llmInt8 })
        {
            Assert.Equal(Bytes("7b1", format, Gpu(null)), new[] { Gpu(null), Gpu(s_ampere), Gpu(s_hopper) }.Max(device => Bytes("7b1", format, device)));
        }
    }

    [Fact]
    public void WhereOurKernelDoesNotComputeAll_WeightsMayBeDequantised()
    {
        const string OddVocabulary = "2,4096,32,250681";

        Assert.InRange(Bytes(OddVocabulary, s_int8, Gpu(s_hopper)), DequantizedBytes, long.MaxValue);
        Assert.InRange(Bytes("7b1", s_int8 with { Type = ScalarType.Float32 }, Gpu(s_hopper)), 2 * DequantizedBytes, long.MaxValue);
        Assert.InRange(Bytes("7b1", s_llmInt8, Gpu(s_hopper)), LlmInt8Linear.TemporaryBytes(4 * 4096, 512), long.MaxValue);
    }

    [Fact]
    public void OnACpu_OnlySizesThatTorchDoesNotTakeAreDequantised()
    {
        Assert.Equal(Bytes("7b1", s_dense, Cpu), Bytes("7b1", s_int8, Cpu));
        Assert.Equal(Bytes("7b1", s_dense, Cpu) + DequantizedBytes, Bytes("2,4096,32,250681", s_int8, Cpu));
    }

    // What the plan takes for fitting, the kernel must take.
    [Fact]
    public void SizesOfWholeChunks_FitTheKernel()
    {
        using Tensor weight = empty([Int8PromptTiling.ChunkInputs, 3 * Int8PromptTiling.ChunkInputs], ScalarType.Int8);

        Assert.True(CudaInt8Linear.Fits(weight));
    }

    [Fact]
    public void ARank_IsCountedByItsOwnSlices_WhoseInputsMayBeTheWholeStream()
    {
        long more = Math.Max(HalvesLinear.TemporaryBytes, DequantizedBytes) - Int8PromptKernel.TemporaryBytes(new ModelFootprint(BloomConfig.ForShape("176b"), s_int8, 2048).StepRows, 14336);
        Assert.Equal(more + (more / 4), Saved(s_int8) - Saved(s_dense), tolerance: 1.0); // what attention saves is the same

        static long Saved(WeightFormat format)
        {
            var footprint = new ModelFootprint(BloomConfig.ForShape("176b"), format, 2048);
            DeviceMemory[] devices = [.. Enumerable.Range(0, 8).Select(i => PlanningDevices.Device($"cuda:{i}", 80_000_000_000) with { KernelCapability = s_hopper })];
            DevicePlan plan = DevicePlanner.Plan(BloomStrategy.TensorParallel, footprint, devices, layerMap: null);
            DevicePlan unknown = DevicePlanner.Plan(BloomStrategy.TensorParallel, footprint, [.. devices.Select(device => device with { KernelCapability = null })], layerMap: null);
            return unknown.Shares[0].TemporaryBytes - plan.Shares[0].TemporaryBytes;
        }
    }

    private static DeviceMemory Cpu => PlanningDevices.Device("cpu", 0);

    private static DeviceMemory Gpu((int, int)? capability) => PlanningDevices.Device("cuda:0", 0) with { KernelCapability = capability };

    private static long Bytes(string shape, WeightFormat format, DeviceMemory device) =>
        new ProductMemory(format, BloomTensors.All(BloomConfig.ForShape(shape)), rows: 512).BytesOn(device);
}
