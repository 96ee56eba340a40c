using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Placement;

public class ModelFootprintTests
{
    private const int Alignment = 256;

    // What the model cards say, to the last parameter.
    public static TheoryData<string, long> PublishedSizes => new()
    {
        { "560m", 559_214_592 },
        { "1b1", 1_065_314_304 },
        { "1b7", 1_722_408_960 },
        { "3b", 3_002_557_440 },
        { "7b1", 7_069_016_064 },
        { "176b", 176_247_271_424 },
    };

    [Theory]
    [MemberData(nameof(PublishedSizes))]
    public void TotalWeightBytes_IsTheParameterCountTimesTheElementSize(string shape, long parameters)
    {
        var config = BloomConfig.ForShape(shape);
        int tensors = BloomTensors.All(config).Count();

        Assert.Equal(parameters, BloomTensors.All(config).Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size)));
        foreach (ScalarType type in new[] { ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16 })
        {
            long bytes = parameters * type.ElementSize();

            // Each tensor is padded by less than one alignment unit.
            Assert.InRange(new ModelFootprint(config, new(type), 2048).TotalWeightBytes, bytes, bytes + (tensors * (Alignment - 1)));
        }
    }

    [Fact]
    public void Bloom7B1_InFloat16_TakesWhatIsKnown()
    {
        var footprint = new ModelFootprint(BloomConfig.ForShape("7b1"), new(ScalarType.Float16), 2048);

        // All of 7b1's sizes are multiples of 128, so that nothing is padded.
        Assert.Equal(2 * 7_069_016_064L, footprint.TotalWeightBytes);
        Assert.Equal("14.14 GB", ByteSize.Format(footprint.TotalWeightBytes));
        Assert.Equal(491_520L * 2048, 30 * footprint.LayerCacheBytes);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(16, 1)]
    [InlineData(17, 2)]
    [InlineData(2048, 128)]
    public void LayerCacheBytes_CoverTheContextInWholeBlocks(int context, int blocks)
    {
        var footprint = new ModelFootprint(BloomConfig.ForShape("7b1"), new(ScalarType.Float16), context);

        Assert.Equal(blocks, footprint.CacheBlocks);
        Assert.Equal(blocks * 16L * 2 * 4096 * sizeof(ushort), footprint.LayerCacheBytes); // slots × (key, value) × hidden
    }

    // Scores of 32 heads × 256 rows × 2048 keys, four times in float32, and such copies of keys and values; a quarter more for what the allocator loses.
    [Theory]
    [InlineData("7b1", ScalarType.Float16, 2048, 9, true)]
    [InlineData("7b1", ScalarType.BFloat16, 2048, 8, true)]
    [InlineData("7b1", ScalarType.Float16, 2048, 7, false)] // rows of a prompt share keys on tensor cores that such a GPU has not
    [InlineData("7b1", ScalarType.Float32, 2048, 9, false)]
    [InlineData("2,4096,128,250880", ScalarType.Float16, 2048, 9, true)]
    [InlineData("2,4096,16,250880", ScalarType.Float16, 2048, 9, false)] // heads of 256 numbers
    [InlineData("7b1", ScalarType.Float16, 20_000, 9, false)] // seven rows of one sequence may go through torch
    public void Attention_TakesNothingInPassing_WhereItIsOurKernelsAlone(string shape, ScalarType type, int context, int major, bool isOurs)
    {
        var footprint = new ModelFootprint(BloomConfig.ForShape(shape), new(type), context);
        DeviceMemory device = PlanningDevices.Device("cuda:0", 0);

        long saved = footprint.TemporaryBytes(device) - footprint.TemporaryBytes(device with { KernelCapability = (major, 0) });

        long throughTorch = (16L * footprint.Config.HeadCount * footprint.StepRows * context) + (8L * footprint.Config.HiddenSize * context);
        Assert.Equal(isOurs ? throughTorch * 1.25 : 0, saved, tolerance: 1.0);
    }

    [Fact]
    public void LongContexts_DoNotOverflow()
    {
        var footprint = new ModelFootprint(BloomConfig.ForShape("176b"), new(ScalarType.Float32), 1 << 24);

        Assert.Equal((1L << 24) * 2 * 14336 * sizeof(float), footprint.LayerCacheBytes);
        Assert.True(footprint.TemporaryBytes(PlanningDevices.Device("cuda:0", 0)) > footprint.LayerCacheBytes, "the bias of 2^24 keys alone is larger than a layer's cache");
        Assert.Equal(32, footprint.StepRows);
    }

    [Theory]
    [InlineData("7b1", 1)]
    [InlineData("7b1", 31)]
    [InlineData("7b1", 2048)]
    [InlineData("176b", 2048)]
    [InlineData("176b", 100_000)]
    [InlineData("560m", 300)]
    public void StepRows_AreWithinTheContext_AndScoresStayUnderAGigabyte(string shape, int context)
    {
        var config = BloomConfig.ForShape(shape);
        var footprint = new ModelFootprint(config, new(ScalarType.Float16), context);

        Assert.InRange(footprint.StepRows, Math.Min(32, context), Math.Min(512, context));
        if (footprint.StepRows > 32)
        {
            // Bias, scores, their sum and the probabilities, in float32.
            Assert.True(4L * sizeof(float) * config.HeadCount * footprint.StepRows * context < 1_000_000_000);
        }
    }

    [Fact]
    public void Share_AddsUpToTheWholeModel()
    {
        var footprint = new ModelFootprint(BloomConfig.ForShape("560m"), new(ScalarType.Float16), 2048);
        DeviceMemory device = PlanningDevices.Device("cpu", 1);

        DeviceShare first = footprint.Share(device, 0, 10, hasEnds: true);
        DeviceShare second = footprint.Share(device, 10, 14, hasEnds: false);

        Assert.Equal(footprint.TotalWeightBytes, first.WeightBytes + second.WeightBytes);
        Assert.Equal(24 * footprint.LayerCacheBytes, first.CacheBytes + second.CacheBytes);
        Assert.Equal(footprint.EndsBytes, first.WeightBytes - (10 * footprint.LayerWeightBytes));
        Assert.Equal(first.WeightBytes + first.CacheBytes + first.WorkBytes, first.ArenaBytes);
        Assert.Equal(first.ArenaBytes + footprint.TemporaryBytes(device), first.TotalBytes);
    }

    [Fact]
    public void UntiedHead_CostsASecondEmbedding()
    {
        var tied = new ModelFootprint(BloomConfig.ForShape("560m"), new(ScalarType.Float16), 2048);
        ModelFootprint untied = tied with { Config = tied.Config with { TieWordEmbeddings = false } };

        Assert.Equal(250_880L * 1024 * sizeof(ushort), untied.EndsBytes - tied.EndsBytes);
    }
}
