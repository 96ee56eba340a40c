using System.Globalization;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Testing;
using Microsoft.Extensions.Options;

namespace LocalBloom.AI.Tests.Placement;

public class BloomPlanTests
{
    private const long Gigabyte = 1_000_000_000;

    // BLOOM-176B from its paper: 70 layers, 14336 wide, 112 heads, 250,880 tokens. A layer has four matrices, 12 · 14336² numbers, their biases and two
    // norms, 13 · 14336; besides there are the embedding and two norms.
    private const long Width = 14336;
    private const long LargestParameters = (70 * ((12 * Width * Width) + (13 * Width))) + (250_880 * Width) + (4 * Width);

    [Fact]
    public void LargestBloom_IsSpreadOverEightGpus()
    {
        BloomPlan plan = BloomPlan.CreateForShape("176b", new BloomChatClientOptions(), Gpus(8, 80));

        Assert.Equal(BloomStrategy.LayerSplit, plan.Strategy);
        Assert.Equal([.. Enumerable.Range(0, 8).Select(i => $"cuda:{i}")], plan.Devices.Select(device => device.Device));
        Assert.Equal(70, plan.Devices.Sum(device => device.LayerCount));
        Assert.Equal([.. plan.Devices.Skip(1).Select(device => device.FirstLayer)], plan.Devices.SkipLast(1).Select(device => device.FirstLayer + device.LayerCount));
        Assert.Equal([true, .. Enumerable.Repeat(false, 7)], plan.Devices.Select(device => device.HasEnds));
        Assert.All(plan.Devices, device => Assert.InRange(device.TotalBytes, 1, device.FreeBytes));
        Assert.All(plan.Devices, device => Assert.Equal(device.TotalBytes, device.WeightBytes + device.CacheBytes + device.BufferBytes + device.TemporaryBytes));
        Assert.Equal(2 * LargestParameters, plan.Devices.Sum(device => device.WeightBytes)); // all sizes are multiples of what an arena aligns to
    }

    [Fact]
    public void LargestBloom_InEightBits_TakesHalf()
    {
        BloomPlan plan = BloomPlan.CreateForShape("176b", new BloomChatClientOptions { Strategy = BloomStrategy.Int8 }, Gpus(8, 80));

        long weights = plan.Devices.Sum(device => device.WeightBytes);
        Assert.InRange(weights, LargestParameters, 1.001 * LargestParameters); // scales, biases and norms have 16 bits
        Assert.Contains("Int8", plan.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void TooFewGpus_SayWhatIsNeededAndWhatWouldHelp()
    {
        var e = Assert.Throws<PlacementException>(() =>
            BloomPlan.CreateForShape("176b", new BloomChatClientOptions { Strategy = BloomStrategy.LayerSplit }, Gpus(2, 80)));

        Assert.Contains("79.7 GB free", e.Message, StringComparison.Ordinal);
        Assert.Contains("weights", e.Message, StringComparison.Ordinal);
        Assert.Contains("Int8", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Checkpoint_IsPlannedAsTheEngineDoes()
    {
        var options = new BloomChatClientOptions { Model = Golden.Models[0], Devices = ["cpu#0", "cpu#1"], Strategy = BloomStrategy.LayerSplit };

        BloomPlan plan = BloomPlan.Create(options);

        Assert.Equal(["cpu#0", "cpu#1"], plan.Devices.Select(device => device.Device));
        using var engine = new BloomEngine(options);
        await engine.LoadAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(WithoutFreeMemory(engine.DescribePlan()), WithoutFreeMemory(plan.ToString()));
        Assert.Equal("", options.LibTorchPath ?? ""); // the caller's object is as it was
    }

    [Fact]
    public void FolderOfAConfigurationAlone_IsEnough()
    {
        using var folder = new Loading.TemporaryFolder();
        File.Copy(Path.Combine(Golden.Models[0], "config.json"), Path.Combine(folder.Path, "config.json"));

        BloomPlan plan = BloomPlan.Create(new BloomChatClientOptions { Model = folder.Path }, Gpus(1, 8));

        Assert.Equal(BloomStrategy.SingleDevice, plan.Strategy);
        Assert.Equal("cuda:0", Assert.Single(plan.Devices).Device);
    }

    // Of a real GPU as much is kept.
    [Fact]
    public void OfAssumedGpus_AsMuchIsKept()
    {
        BloomPlan plan = BloomPlan.CreateForShape("7b1", new BloomChatClientOptions(), new Dictionary<string, long> { ["cuda:0"] = 80 * Gigabyte, ["cpu"] = 80 * Gigabyte });
        BloomPlan onCpu = BloomPlan.CreateForShape("7b1", new BloomChatClientOptions { Devices = ["cpu"] }, new Dictionary<string, long> { ["cpu"] = 80 * Gigabyte });

        Assert.Equal((80 * Gigabyte) - DeviceCatalog.CudaReserve, plan.Devices[0].FreeBytes);
        Assert.Equal(80 * Gigabyte, onCpu.Devices[0].FreeBytes);
    }

    [Fact]
    public void LogicalParts_ShareWhatTheirDeviceHas()
    {
        BloomPlan plan = BloomPlan.CreateForShape(
            "7b1", new BloomChatClientOptions { Strategy = BloomStrategy.LayerSplit, Devices = ["cuda:0#0", "cuda:0#1"] }, Gpus(1, 80));

        Assert.All(plan.Devices, device => Assert.Equal(((80 * Gigabyte) - DeviceCatalog.CudaReserve) / 2, device.FreeBytes));
    }

    [Theory]
    [InlineData("cuda:3", "cuda:3 is not among")]
    [InlineData("gpu", "gpu")]
    public void UnknownDevice_IsNamed(string name, string told)
    {
        var e = Assert.ThrowsAny<Exception>(() => BloomPlan.CreateForShape("7b1", new BloomChatClientOptions { Devices = [name] }, Gpus(2, 80)));

        Assert.Contains(told, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    public void MemoryThatNoDeviceHas_IsOutOfRange(long bytes)
    {
        var assumed = new Dictionary<string, long> { ["cuda:0"] = 80 * Gigabyte, ["cuda:1"] = bytes };

        var e = Assert.Throws<ArgumentOutOfRangeException>("freeBytes", () => BloomPlan.CreateForShape("560m", new BloomChatClientOptions { Devices = ["cuda:0"] }, assumed));

        Assert.Equal(bytes, e.ActualValue);
        Assert.Contains("cuda:1 has no such memory. Give 1 to 1152921504606846976 bytes", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("No device is given")]
    [InlineData("'cuda:0#1' is a part", "cuda:0#1")]
    [InlineData("'cuda' is a part, or is there twice", "cuda:0", "cuda")]
    public void AssumedDevices_AreWholeOnes_OnceEach(string told, params string[] names)
    {
        var e = Assert.Throws<ArgumentException>("freeBytes", () => BloomPlan.CreateForShape("560m", new BloomChatClientOptions(), names.ToDictionary(name => name, _ => Gigabyte)));

        Assert.Contains(told, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NoListOfDevices_IsRefusedByName()
    {
        var options = new BloomChatClientOptions { Model = Golden.Models[0], Devices = null! };

        var ofShape = Assert.Throws<OptionsValidationException>(() => BloomPlan.CreateForShape("560m", options));
        var ofModel = Assert.Throws<OptionsValidationException>(() => BloomPlan.Create(options));
        var ofRandom = Assert.Throws<OptionsValidationException>(() => BloomEngine.WithRandomWeights("2,32,2,64", options).Dispose());

        const string Told = "Devices: BloomChatClientOptions.Devices is null. Leave it empty for what the machine has, or name devices such as cuda:0 or cpu.";
        Assert.All([ofShape, ofModel, ofRandom], e => Assert.Equal(Told, e.Message));
    }

    [Fact]
    public void RandomWeights_AreNoWayRoundTheRules()
    {
        var e = Assert.Throws<OptionsValidationException>(() => BloomEngine.WithRandomWeights("2,32,2,64", new() { Devices = ["gpu"], MaxConcurrentReplies = 0 }).Dispose());

        Assert.Contains("'gpu' is no device", e.Message, StringComparison.Ordinal);
        Assert.Contains("MaxConcurrentReplies is 0", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void UnknownShape_IsNamed() =>
        Assert.Contains("7b2", Assert.Throws<ArgumentException>(() => BloomPlan.CreateForShape("7b2", new BloomChatClientOptions())).Message, StringComparison.Ordinal);

    private static Dictionary<string, long> Gpus(int count, long gigabytes) =>
        Enumerable.Range(0, count).ToDictionary(i => string.Create(CultureInfo.InvariantCulture, $"cuda:{i}"), _ => gigabytes * Gigabyte);

    // What is free changes from one moment to the next.
    private static string WithoutFreeMemory(string plan) =>
        string.Join('\n', plan.Split('\n').Select(line => line.IndexOf(" of ", StringComparison.Ordinal) is > 0 and int at && line.EndsWith("free", StringComparison.Ordinal) ? line[..at] : line));
}
