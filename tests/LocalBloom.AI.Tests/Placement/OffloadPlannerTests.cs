using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;
using static LocalBloom.AI.Tests.Placement.PlanningDevices;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Placement;

public class OffloadPlannerTests
{
    private const long GB = 1_000_000_000;

    private static readonly ModelFootprint s_7b1 = new(BloomConfig.ForShape("7b1"), new(ScalarType.Float16), 2048) { MaxSequences = 32 };

    [Fact]
    public void Bloom7B1_Under8GB_KeepsWhatFits_AndStreamsTheRest()
    {
        DevicePlan plan = Plan(s_7b1, MemoryLimit.Apply(Gpus(80 * GB), 8 * GB));

        DeviceShare share = Assert.Single(plan.Shares);
        LayerStreaming streaming = share.Streaming!;
        int resident = 30 - streaming.Layers.Count;
        Assert.Equal((BloomStrategy.Offload, 2, 402_759_680), (plan.Strategy, streaming.Slots, streaming.LayerBytes)); // 2 · 201,379,840
        Assert.Equal(s_7b1.EndsBytes + ((resident + 2) * streaming.LayerBytes), share.WeightBytes);
        Assert.Equal(streaming.Layers.Count * streaming.LayerBytes, plan.StreamedBytes);
        Assert.InRange(share.TotalBytes + DeviceCatalog.CudaReserve, (8 * GB) - streaming.LayerBytes + 1, 8 * GB); // not one layer more
        Assert.True(plan.Footprint.StepRows >= 170); // the protocol's prompt in one pass
        Assert.Contains(
            $"layers 0–29: {resident} on the device, {30 - resident} streamed from pinned memory ({ByteSize.Format(plan.StreamedBytes)} a step, ring of 2)", plan.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("under the limit of 8 GB, 300 MB of it for code and libraries", plan.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void WhereAllFits_NothingIsStreamed()
    {
        long all = s_7b1.Share(Device("cuda:0", 0), 0, 30, hasEnds: true).TotalBytes;

        Assert.Null(Plan(s_7b1, Gpus(all)).Shares[0].Streaming);
        Assert.Equal(3, Plan(s_7b1, Gpus(all - 1)).Shares[0].Streaming!.Layers.Count); // one is missing, and two make room for the ring
    }

    [Fact]
    public void Fit_IsExactToTheByte_AndTheMessageSaysTheLeast()
    {
        ModelFootprint least = s_7b1 with { StepRows = 32 };
        long needed = least.Share(Device("cuda:0", 0), 0, 30, hasEnds: true).TotalBytes - (29 * least.LayerWeightBytes);

        DevicePlan plan = Plan(s_7b1, Gpus(needed));
        var error = Assert.Throws<PlacementException>(() => Plan(s_7b1, MemoryLimit.Apply(Gpus(80 * GB), needed + DeviceCatalog.CudaReserve - 1)));

        Assert.Equal((32, 1, 30), (plan.Footprint.StepRows, plan.Shares[0].Streaming!.Slots, plan.Shares[0].Streaming!.Layers.Count));
        string told = error.Message.Split("Set MemoryLimit to ")[1].Split(" or more")[0];
        Assert.True(ByteSize.TryParse(told, out long enough));
        Assert.InRange(enough, needed + DeviceCatalog.CudaReserve, needed + DeviceCatalog.CudaReserve + 10_000_000); // three digits, rounded up
        _ = Plan(s_7b1, MemoryLimit.Apply(Gpus(80 * GB), enough));
    }

    [Fact]
    public void Limit_HoldsForResidentPlans_AndSharesBetweenParts()
    {
        DeviceMemory[] limited = [.. MemoryLimit.Apply([Device("cuda:0#0", 40 * GB), Device("cuda:0#1", 40 * GB)], 8 * GB)];

        Assert.All(limited, device => Assert.Equal((8 * GB - DeviceCatalog.CudaReserve) / 2, device.FreeBytes));
        Assert.Equal(5 * GB, MemoryLimit.Apply(Gpus(5 * GB), 8 * GB)[0].FreeBytes);
        var error = Assert.Throws<PlacementException>(() => DevicePlanner.Plan(BloomStrategy.SingleDevice, s_7b1, MemoryLimit.Apply(Gpus(80 * GB), 8 * GB), layerMap: null));
        Assert.StartsWith("MemoryLimit leaves 7.7 GB of cuda:0", error.Message, StringComparison.Ordinal);
        Assert.Contains("set Strategy to Offload", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SeveralDevices_StreamEachTheirOwn()
    {
        DevicePlan plan = Plan(s_7b1, Gpus(6 * GB, 4 * GB));

        Assert.Equal(30, plan.Shares.Sum(share => share.LayerCount));
        Assert.All(plan.Shares, share => Assert.InRange(share.TotalBytes, 1, share.Memory.FreeBytes));
        Assert.All(plan.Shares, share => Assert.All(share.Streaming!.Layers, layer => Assert.InRange(layer, share.FirstLayer, share.FirstLayer + share.LayerCount - 1)));

        DevicePlan mapped = DevicePlanner.Plan(BloomStrategy.Offload, s_7b1, Gpus(6 * GB, 4 * GB), LayerMap.Parse("cuda:1=4,cuda:0=26"));
        Assert.Equal([("cuda:1", 4), ("cuda:0", 26)], mapped.Shares.Select(share => (share.Memory.Device.ToString(), share.LayerCount)));
    }

    [Fact]
    public void Auto_Streams_OnlyWhereNothingElseFits()
    {
        DevicePlan one = DevicePlanner.Plan(BloomStrategy.Auto, s_7b1, Gpus(8 * GB), layerMap: null);
        DevicePlan two = DevicePlanner.Plan(BloomStrategy.Auto, s_7b1, Gpus(6 * GB, 6 * GB), layerMap: null);

        Assert.Equal(BloomStrategy.Offload, one.Strategy);
        Assert.Equal("cuda:0 is too small for the whole model; what does not fit is streamed from host memory.", one.Reason);
        Assert.Equal(BloomStrategy.Offload, two.Strategy);
        Assert.StartsWith("All devices together are too small", two.Reason, StringComparison.Ordinal);
        Assert.False(one.Footprint.Format.IsInt8);
        Assert.Equal(BloomStrategy.LayerSplit, DevicePlanner.Plan(BloomStrategy.Auto, s_7b1, Gpus(12 * GB, 12 * GB), layerMap: null).Strategy);
        Assert.Throws<PlacementException>(() => DevicePlanner.Plan(BloomStrategy.Auto, s_7b1, [Device("cpu", 8 * GB)], layerMap: null)); // weights are in host memory there anyway
    }

    [Fact]
    public void StreamedLayers_AreSpreadEvenly()
    {
        for (int count = 1; count <= 40; count++)
        {
            for (int streamed = 0; streamed <= count; streamed++)
            {
                IReadOnlyList<int> layers = LayerStreaming.Spread(5, count, streamed);

                Assert.Equal(streamed, layers.Distinct().Count());
                Assert.All(layers, layer => Assert.InRange(layer, 5, 4 + count));
                int[] gaps = [.. layers.Zip(layers.Skip(1), (one, next) => next - one)];
                Assert.True(gaps.Length == 0 || gaps.Max() - gaps.Min() <= 1);
            }
        }
    }

    [Fact]
    public void Storage_IsAFile_WhereHostMemoryIsShort()
    {
        DevicePlan plan = Plan(s_7b1, Gpus(8 * GB));
        using var folder = new Loading.TemporaryFolder();

        Assert.Equal(SlabStorage.Memory, OffloadPlanner.WithStorage(plan, asFile: false, plan.StreamedBytes + GB, folder.Path).Storage);
        if (new DriveInfo(folder.Path).DriveFormat is not ("tmpfs" or "ramfs"))
        {
            DevicePlan file = OffloadPlanner.WithStorage(plan, asFile: false, plan.StreamedBytes, folder.Path);
            Assert.Equal(SlabStorage.File, file.Storage);
            Assert.Contains("streamed from a mapped file in ", file.ToString(), StringComparison.Ordinal);
        }

        if (Directory.Exists("/dev/shm") && new DriveInfo("/dev/shm").DriveFormat is "tmpfs")
        {
            Assert.Contains("TMPDIR", Assert.Throws<PlacementException>(() => OffloadPlanner.WithStorage(plan, asFile: false, GB, "/dev/shm")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Storage_InAFolderThatIsNotThere_NamesItAndTheCure()
    {
        DevicePlan plan = Plan(s_7b1, Gpus(8 * GB));

        var error = Assert.Throws<PlacementException>(() => OffloadPlanner.WithStorage(plan, asFile: false, plan.StreamedBytes, "/no/such/folder"));

        Assert.Contains($"/no/such/folder is not there, or cannot be entered. Name a folder on a disk with {ByteSize.FormatUp(plan.StreamedBytes)} of room in the variable TMPDIR", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("8GB", 8_000_000_000)]
    [InlineData("8gb", 8_000_000_000)]
    [InlineData(" 7.5 GiB ", 8_053_063_680)]
    [InlineData("8000MB", 8_000_000_000)]
    [InlineData("512MiB", 536_870_912)]
    [InlineData("1.5kB", 1_500)]
    [InlineData("2TiB", 2_199_023_255_552)]
    [InlineData("123456789B", 123_456_789)]
    public void Sizes_AreRead(string text, long expected)
    {
        Assert.True(ByteSize.TryParse(text, out long bytes));
        Assert.Equal(expected, bytes);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("8")]
    [InlineData("GB")]
    [InlineData("0GB")]
    [InlineData("0.4B")]
    [InlineData("-8GB")]
    [InlineData("8,5GB")]
    [InlineData("8 G B")]
    [InlineData("8XB")]
    [InlineData("iB")]
    [InlineData("8iB")]
    [InlineData("99999999TB")]
    [InlineData("8GB 8GB")]
    public void WhatIsNoSize_IsNotRead(string? text) => Assert.False(ByteSize.TryParse(text, out _));

    [Theory]
    [InlineData(8_000_000_001, "8.01 GB")]
    [InlineData(8_000_000_000, "8 GB")]
    [InlineData(1_234_567, "1.24 MB")]
    [InlineData(999_999_999, "1 GB")]
    public void FormatUp_IsEnough(long bytes, string expected)
    {
        Assert.Equal(expected, ByteSize.FormatUp(bytes));
        Assert.True(ByteSize.TryParse(expected, out long read) && read >= bytes);
    }

    private static DevicePlan Plan(ModelFootprint footprint, IReadOnlyList<DeviceMemory> devices) => DevicePlanner.Plan(BloomStrategy.Offload, footprint, devices, layerMap: null);
}
