using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Weights;
using static LocalBloom.AI.Tests.Placement.PlanningDevices;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Placement;

public class TensorParallelPlannerTests
{
    private const long GB = 1_000_000_000;

    private static readonly ModelFootprint s_7b1 = new(BloomConfig.ForShape("7b1"), new(ScalarType.Float16), 2048);

    [Fact]
    public void Bloom7B1_OverTwo_IsHalfOfEachOnBoth()
    {
        DevicePlan plan = DevicePlanner.Plan(BloomStrategy.TensorParallel, s_7b1, Gpus(40 * GB, 40 * GB), layerMap: null);

        Assert.Equal(BloomStrategy.TensorParallel, plan.Strategy);
        Assert.Equal([("cuda:0", 0, 30), ("cuda:1", 0, 30)], plan.Shares.Select(share => (share.Memory.Device.ToString(), share.FirstLayer, share.LayerCount)));
        Assert.Equal([new SliceRange(0, 16), new SliceRange(16, 16)], plan.Shares.Select(share => share.Shard!.Heads(s_7b1.Config)));
        Assert.Equal([new SliceRange(0, 125_440), new SliceRange(125_440, 125_440)], plan.Shares.Select(share => share.Shard!.Vocabulary(s_7b1.Config)));
        long replicated = 2L * ((30 * 6 * 4096) + (4 * 4096)); // float16 of every layer's two norms and two biases of the stream, and of the outer norms
        Assert.All(plan.Shares, share => Assert.Equal(((s_7b1.TotalWeightBytes - replicated) / 2) + replicated, share.WeightBytes));
        Assert.All(plan.Shares, share => Assert.Equal(30 * s_7b1.LayerCacheBytes / 2, share.CacheBytes));
        Assert.Contains("heads 0–15, inner 0–8191, vocabulary 0–125439; weights 7.07 GB", plan.ToString(), StringComparison.Ordinal);
        Assert.Contains("slice 2 of 2: heads 16–31", plan.ToString(), StringComparison.Ordinal);
    }

    // Any sizes: each head, neuron and token belongs to one rank, in order, and no rank has more than a unit above another.
    [Fact]
    public void Slices_CoverEverythingOnce_AndAreEven()
    {
        var random = new Random(11);
        for (int round = 0; round < 300; round++)
        {
            int ranks = random.Next(2, 9);
            int heads = random.Next(ranks, 40);
            var config = BloomConfig.ForShape($"1,{heads * 8 * random.Next(1, 5)},{heads},{random.Next(ranks, 5000)}");
            Shard[] shards = [.. Enumerable.Range(0, ranks).Select(rank => new Shard(rank, ranks))];

            AssertCovers([.. shards.Select(shard => shard.Heads(config))], config.HeadCount, unit: 1);
            AssertCovers([.. shards.Select(shard => shard.Inner(config))], config.InnerSize, unit: 64);
            AssertCovers([.. shards.Select(shard => shard.Vocabulary(config))], config.VocabularySize, unit: 64);
            Assert.All(shards, shard => Assert.Equal(config.HeadDim, shard.View(config).HeadDim));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void SlicesOfTensors_MakeTheWhole(int ranks)
    {
        var config = BloomConfig.ForShape("2,96,6,101") with { TieWordEmbeddings = false };
        using var source = new RandomWeights(config);
        ShardedWeights[] slices = [.. Enumerable.Range(0, ranks).Select(rank => new ShardedWeights(source, new Shard(rank, ranks)))];
        foreach ((string name, long[] shape) in BloomTensors.All(config))
        {
            using TorchSharp.DisposeScope scope = TorchSharp.torch.NewDisposeScope();
            Tensor[] read = [.. slices.Select(slice => Read(slice, name, slice.ShapeOf(name, shape)))];
            Tensor whole = Read(source, name, shape);
            Tensor joined = TensorSlice.Of(name, config, new Shard(0, ranks)) is { } cut ? cat(read, cut.Dimension) : read[^1];

            Assert.True(joined.eq(whole).all().item<bool>(), name);
            Assert.Equal(TensorSlice.Of(name, config, new Shard(0, ranks)) is null, name.Contains("norm", StringComparison.Ordinal) || name.StartsWith("ln_f", StringComparison.Ordinal)
                || name.EndsWith("attention.dense.bias", StringComparison.Ordinal) || name.EndsWith("4h_to_h.bias", StringComparison.Ordinal));
        }

        static Tensor Read(IWeightSource source, string name, long[] shape)
        {
            Tensor filled = full(shape, double.NaN, ScalarType.Float16);
            source.Fill(name, filled, TestContext.Current.CancellationToken);
            return filled;
        }
    }

    [Fact]
    public void MoreDevicesThanHeads_SaysBothNumbers()
    {
        var footprint = new ModelFootprint(BloomConfig.ForShape("2,64,2,64"), new(ScalarType.Float16), 16);

        var error = Assert.Throws<PlacementException>(() => DevicePlanner.Plan(BloomStrategy.TensorParallel, footprint, Gpus(GB, GB, GB), layerMap: null));

        Assert.Equal("TensorParallel over 3 devices needs an attention head for each, but the model has 2. List fewer devices.", error.Message);
    }

    [Theory]
    [InlineData("needs at least two devices, but there is only cuda:0", "cuda:0")]
    [InlineData("but cuda:0 and cpu are listed", "cuda:0", "cpu")]
    [InlineData("some are parts of the same device and some are not", "cuda:0#0", "cuda:0#1", "cuda:1")]
    public void DevicesThatCannotBeJoined_AreRefused(string problem, params string[] devices)
    {
        var error = Assert.Throws<PlacementException>(() => DevicePlanner.Plan(
            BloomStrategy.TensorParallel, s_7b1, [.. devices.Select(device => Device(device, 80 * GB))], layerMap: null));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        var options = new BloomChatClientOptions { Model = "any", Strategy = BloomStrategy.TensorParallel, Devices = [.. devices] };
        Assert.Contains(problem, new BloomOptionsCombinationValidator().Validate(null, options).FailureMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatNcclTakes_IsPlanned_WhereGpusCannotReachEachOther()
    {
        IReadOnlyList<DeviceMemory> near = DeviceCatalog.WithJoining(Gpus(40 * GB, 40 * GB), (_, _) => true);
        IReadOnlyList<DeviceMemory> far = DeviceCatalog.WithJoining(Gpus(40 * GB, 40 * GB), (device, other) => device > other);

        DevicePlan free = DevicePlanner.Plan(BloomStrategy.TensorParallel, s_7b1, near, layerMap: null);
        DevicePlan planned = DevicePlanner.Plan(BloomStrategy.TensorParallel, s_7b1, far, layerMap: null);

        Assert.Equal(free.Shares.Select(share => share.TotalBytes + 300_000_000), planned.Shares.Select(share => share.TotalBytes));
        Assert.Contains(", NCCL 300 MB, of 40 GB free", planned.ToString(), StringComparison.Ordinal);
        Assert.All(planned.Shares.Select(share => new BloomPlanDevice(share)), device =>
            Assert.Equal(device.TotalBytes, device.WeightBytes + device.CacheBytes + device.BufferBytes + device.TemporaryBytes));
        Assert.DoesNotContain("NCCL", free.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("NCCL", DevicePlanner.Plan(BloomStrategy.LayerSplit, s_7b1, far, layerMap: null).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void SliceThatDoesNotFit_NamesTheDevice()
    {
        var error = Assert.Throws<PlacementException>(() => DevicePlanner.Plan(BloomStrategy.TensorParallel, s_7b1, Gpus(40 * GB, 5 * GB), layerMap: null));

        Assert.StartsWith("cuda:1 has 5 GB free, but its slice of the model, one of 2, in Float16 needs", error.Message, StringComparison.Ordinal);
    }

    private static void AssertCovers(SliceRange[] ranges, int size, int unit)
    {
        int next = 0;
        foreach (SliceRange range in ranges)
        {
            Assert.Equal(next, range.First);
            Assert.True(range.Count >= 1);
            next += range.Count;
        }

        Assert.Equal(size, next);
        Assert.InRange(ranges.Max(range => range.Count) - ranges.Min(range => range.Count), 0, unit);
    }
}
