using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;
using static LocalBloom.AI.Tests.Placement.PlanningDevices;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Placement;

public class DevicePlannerTests
{
    private const long GB = 1_000_000_000;

    private static readonly ModelFootprint s_7b1 = new(BloomConfig.ForShape("7b1"), new(ScalarType.Float16), 2048);

    // A model whose ends and buffers are next to nothing, so that shares follow from memory alone: 20 layers of 25 MB.
    private static readonly ModelFootprint s_small = new(BloomConfig.ForShape("20,1024,16,16"), new(ScalarType.Float16), 16);

    [Fact]
    public void SingleDevice_HoldsEverythingOnTheFirst()
    {
        DevicePlan plan = DevicePlanner.Plan(BloomStrategy.SingleDevice, s_7b1, Gpus(40 * GB, 80 * GB), layerMap: null);

        DeviceShare share = Assert.Single(plan.Shares);
        Assert.Equal(BloomStrategy.SingleDevice, plan.Strategy);
        Assert.Equal(("cuda:0", 0, 30, true), (share.Memory.Device.ToString(), share.FirstLayer, share.LayerCount, share.HasEnds));
        Assert.Equal(s_7b1.TotalWeightBytes, share.WeightBytes);
    }

    [Theory]
    [InlineData(BloomStrategy.SingleDevice)]
    [InlineData(BloomStrategy.Auto)]
    public void Fit_IsExactToTheByte(BloomStrategy strategy)
    {
        long needed = s_7b1.Share(Device("cpu", 0), 0, 30, hasEnds: true).TotalBytes;

        Assert.Single(DevicePlanner.Plan(strategy, s_7b1, [Device("cpu", needed)], layerMap: null).Shares);
        Assert.Throws<PlacementException>(() => DevicePlanner.Plan(strategy, s_7b1, [Device("cpu", needed - 1)], layerMap: null));
    }

    [Theory]
    [InlineData(new long[] { 30, 30 }, new[] { 10, 10 })]
    [InlineData(new long[] { 30, 10 }, new[] { 15, 5 })]
    [InlineData(new long[] { 10, 30 }, new[] { 5, 15 })]
    [InlineData(new long[] { 10, 10, 10 }, new[] { 6, 7, 7 })]     // 6⅔ each, a hair less on the first, which has the ends
    [InlineData(new long[] { 40, 32, 28 }, new[] { 8, 6, 6 })]     // 8, 6.4, 5.6: the last has the largest remainder
    [InlineData(new long[] { 98, 1, 1 }, new[] { 18, 1, 1 })]      // 19.6, 0.2, 0.2: a layer each comes first
    [InlineData(new long[] { 50, 30, 13, 7 }, new[] { 10, 6, 3, 1 })] // 10, 6, 2.6, 1.4
    public void LayerSplit_IsProportionalToFreeMemory(long[] gigabytes, int[] expected)
    {
        DevicePlan plan = DevicePlanner.Plan(BloomStrategy.LayerSplit, s_small, Gpus([.. gigabytes.Select(size => size * GB)]), layerMap: null);

        Assert.Equal(expected, plan.Shares.Select(share => share.LayerCount));
        AssertCovers(plan, 20);
    }

    [Fact]
    public void LayerSplit_TakesTheEndsOffTheFirstDevice()
    {
        DevicePlan plan = DevicePlanner.Plan(BloomStrategy.LayerSplit, s_7b1, Gpus(12 * GB, 12 * GB), layerMap: null);

        Assert.True(plan.Shares[0].LayerCount < plan.Shares[1].LayerCount, plan.ToString());
        AssertCovers(plan, 30);
    }

    // Any sizes at all: every layer once, in order, at least one on each device, and shares that are off by less than two layers
    // (the largest remainder rounds by less than one; where a device has less than a layer's worth, the others give up what it lacks).
    [Fact]
    public void LayerSplit_OverOneDevice_IsRefusedWithTheCure()
    {
        var footprint = new ModelFootprint(BloomConfig.ForShape("4,64,4,16"), new(ScalarType.Float16), 16);

        var error = Assert.Throws<PlacementException>(() => DevicePlanner.Plan(BloomStrategy.LayerSplit, footprint, Gpus(10 * GB), layerMap: null));

        Assert.Contains("cuda:0#0, cuda:0#1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LayerSplit_OfAnySizes_CoversEveryLayerOnce()
    {
        var random = new Random(20240607);
        for (int round = 0; round < 500; round++)
        {
            int layers = random.Next(2, 80);
            var footprint = new ModelFootprint(BloomConfig.ForShape($"{layers},64,4,16"), new(ScalarType.Float16), 16);
            long[] sizes = [.. Enumerable.Range(0, random.Next(2, Math.Min(layers, 9) + 1)).Select(_ => random.NextInt64(1 * GB, 100 * GB))];

            DevicePlan plan = DevicePlanner.Plan(BloomStrategy.LayerSplit, footprint, Gpus(sizes), layerMap: null);

            AssertCovers(plan, layers);
            Assert.Equal(sizes.Length, plan.Shares.Count);
            Assert.All(plan.Shares, share =>
            {
                double exact = (double)layers * share.Memory.FreeBytes / sizes.Sum();
                double shortage = sizes.Sum(size => Math.Max(0, 1 - ((double)layers * size / sizes.Sum())));
                Assert.InRange(share.LayerCount, Math.Max(1, exact - 1.1 - shortage), Math.Max(1, exact) + 1.1);
            });
        }
    }

    [Fact]
    public void LayerSplit_MoreDevicesThanLayers_SaysBothNumbers()
    {
        var footprint = new ModelFootprint(BloomConfig.ForShape("2,64,4,16"), new(ScalarType.Float16), 16);

        var error = Assert.Throws<PlacementException>(() => DevicePlanner.Plan(BloomStrategy.LayerSplit, footprint, Gpus(GB, GB, GB), layerMap: null));

        Assert.Contains("3 devices", error.Message, StringComparison.Ordinal);
        Assert.Contains("the model has 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("List fewer devices", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LayerMap_IsFollowed_InItsOwnOrder()
    {
        DevicePlan plan = DevicePlanner.Plan(
            BloomStrategy.LayerSplit, s_7b1, Gpus(80 * GB, 80 * GB, 80 * GB), LayerMap.Parse("cuda:2=12,cuda:0=18"));

        Assert.Equal(BloomStrategy.LayerSplit, plan.Strategy);
        Assert.Equal(
            [("cuda:2", 0, 12, true), ("cuda:0", 12, 18, false)],
            plan.Shares.Select(share => (share.Memory.Device.ToString(), share.FirstLayer, share.LayerCount, share.HasEnds)));
    }

    [Theory]
    [InlineData("cuda:0=18,cuda:1=11", 29)]
    [InlineData("cuda:0=18,cuda:1=13", 31)]
    public void LayerMap_WithAWrongTotal_SaysBothNumbers(string map, int total)
    {
        var error = Assert.Throws<PlacementException>(
            () => DevicePlanner.Plan(BloomStrategy.LayerSplit, s_7b1, Gpus(80 * GB, 80 * GB), LayerMap.Parse(map)));

        Assert.Contains($"places {total} layers", error.Message, StringComparison.Ordinal);
        Assert.Contains("the model has 30", error.Message, StringComparison.Ordinal);
        Assert.Contains(map, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LayerMap_ThatDoesNotFit_NamesTheDevice()
    {
        var error = Assert.Throws<PlacementException>(
            () => DevicePlanner.Plan(BloomStrategy.LayerSplit, s_7b1, Gpus(80 * GB, 5 * GB), LayerMap.Parse("cuda:0=10,cuda:1=20")));

        Assert.StartsWith("cuda:1 has 5 GB free, but its 20 layers in Float16 need", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LogicalParts_ShareOneDevice_AndTheirSumCounts()
    {
        long first = s_7b1.Share(Device("cuda:0", 0), 0, 20, hasEnds: true).TotalBytes;
        long both = first + s_7b1.Share(Device("cuda:0", 0), 20, 10, hasEnds: false).TotalBytes;
        long half = (both + 1) / 2; // too little for the first part, more than enough for the second
        var map = LayerMap.Parse("cuda:0#0=20,cuda:0#1=10");
        Assert.True(first > half);

        DevicePlan plan = DevicePlanner.Plan(BloomStrategy.LayerSplit, s_7b1, [Device("cuda:0#0", half), Device("cuda:0#1", half)], map);

        Assert.Equal([20, 10], plan.Shares.Select(share => share.LayerCount));
        var error = Assert.Throws<PlacementException>(
            () => DevicePlanner.Plan(BloomStrategy.LayerSplit, s_7b1, [Device("cuda:0#0", half), Device("cuda:0#1", half - 2)], map));
        Assert.StartsWith("cuda:0 has", error.Message, StringComparison.Ordinal);
        Assert.Contains(ByteSize.Format(both), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Auto_PicksTheSimplestThatFits()
    {
        DevicePlan single = DevicePlanner.Plan(BloomStrategy.Auto, s_7b1, Gpus(24 * GB, 24 * GB), layerMap: null);
        DevicePlan split = DevicePlanner.Plan(BloomStrategy.Auto, s_7b1, Gpus(12 * GB, 12 * GB), layerMap: null);

        Assert.Equal(BloomStrategy.SingleDevice, single.Strategy);
        Assert.Equal("All of it fits on cuda:0.", single.Reason);
        Assert.Equal(BloomStrategy.LayerSplit, split.Strategy);
        Assert.StartsWith("cuda:0 alone is too small", split.Reason, StringComparison.Ordinal);
        AssertCovers(split, 30);
    }

    [Theory]
    [InlineData(1, ScalarType.Float16, "Use Int8 for half of it, lower MaxContextTokens, add a device")]
    [InlineData(1, ScalarType.Float32, "Set NumberType to Float16 or BFloat16 for half of it")]
    [InlineData(2, ScalarType.BFloat16, "Use Int8 for half of it, lower MaxContextTokens, add a device")]
    public void NothingFits_SaysBothNumbersAndACure(int devices, ScalarType type, string cure)
    {
        var footprint = new ModelFootprint(BloomConfig.ForShape("7b1"), new(type), 2048);

        var error = Assert.Throws<PlacementException>(
            () => DevicePlanner.Plan(devices == 1 ? BloomStrategy.SingleDevice : BloomStrategy.LayerSplit, footprint, Gpus([.. Enumerable.Repeat(4 * GB, devices)]), layerMap: null));

        Assert.Contains("cuda:0 has 4 GB free", error.Message, StringComparison.Ordinal);
        Assert.Contains(cure, error.Message, StringComparison.Ordinal);
        if (devices == 1)
        {
            long needed = footprint.Share(Device("cuda:0", 0), 0, 30, hasEnds: true).TotalBytes;
            Assert.Contains($"needs {ByteSize.Format(needed)} there", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Bloom176B_FitsOnEightDevicesOf80GB_AndNotOnFour()
    {
        var footprint = new ModelFootprint(BloomConfig.ForShape("176b"), new(ScalarType.BFloat16), 2048);

        DevicePlan plan = DevicePlanner.Plan(BloomStrategy.Auto, footprint, Gpus([.. Enumerable.Repeat(80 * GB, 8)]), layerMap: null);

        AssertCovers(plan, 70);
        Assert.Equal(8, plan.Shares.Count);
        Assert.Equal(352_494_542_848, plan.Shares.Sum(share => share.WeightBytes)); // 2 · 176,247,271,424, all of it in whole 256 bytes
        Assert.All(plan.Shares, share => Assert.True(share.TotalBytes <= share.Memory.FreeBytes));
        Assert.Throws<PlacementException>(
            () => DevicePlanner.Plan(BloomStrategy.LayerSplit, footprint, Gpus([.. Enumerable.Repeat(80 * GB, 4)]), layerMap: null));
    }

    [Fact]
    public void PlanText_NamesEveryDevice_ItsLayersAndBytes()
    {
        DevicePlan plan = DevicePlanner.Plan(
            BloomStrategy.LayerSplit, s_7b1, Gpus(80 * GB, 40 * GB, 20 * GB), LayerMap.Parse("cuda:0=18,cuda:1=11,cuda:2=1"));

        string[] lines = plan.ToString().ReplaceLineEndings("\n").Split('\n');

        Assert.Equal(4, lines.Length);
        Assert.StartsWith("LayerSplit: 30 layers in Float16, context 2048 tokens", lines[0], StringComparison.Ordinal);
        Assert.EndsWith(plan.Reason, lines[0], StringComparison.Ordinal);
        string[] held = ["embedding, head, layers 0–17;", "layers 18–28;", "layer 29;"];
        foreach ((DeviceShare share, int i) in plan.Shares.Select((share, i) => (share, i)))
        {
            string line = lines[i + 1];
            Assert.StartsWith($"  cuda:{i} ", line, StringComparison.Ordinal);
            Assert.Contains($"memory of cuda:{i}: {held[i]}", line, StringComparison.Ordinal);
            Assert.Contains($"weights {ByteSize.Format(share.WeightBytes)}, cache {ByteSize.Format(share.CacheBytes)}", line, StringComparison.Ordinal);
            Assert.EndsWith($"of {ByteSize.Format(share.Memory.FreeBytes)} free", line, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(3_400, "3.4 kB")]
    [InlineData(25_165_824, "25.17 MB")]
    [InlineData(14_138_032_128, "14.14 GB")]
    [InlineData(-2_000_000, "-2 MB")]
    public void ByteSize_IsForPeople(long bytes, string expected) => Assert.Equal(expected, ByteSize.Format(bytes));

    private static void AssertCovers(DevicePlan plan, int layers)
    {
        int next = 0;
        foreach (DeviceShare share in plan.Shares)
        {
            Assert.Equal(next, share.FirstLayer);
            Assert.True(share.LayerCount >= 1);
            Assert.Equal(next == 0, share.HasEnds);
            next += share.LayerCount;
        }

        Assert.Equal(layers, next);
    }
}
