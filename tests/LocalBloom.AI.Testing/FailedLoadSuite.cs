using LocalBloom.AI.Engine;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Weights;
using Microsoft.Extensions.Logging.Abstractions;
using static TorchSharp.torch;

namespace LocalBloom.AI.Testing;

/// <summary>A load that fails says why in one error, and gives back what it took, whatever the strategy. Subclass once per kind of device, and let nothing else run meanwhile.</summary>
/// <param name="device">One device; its logical parts are used, too.</param>
/// <param name="type">The number type.</param>
public abstract class FailedLoadSuite(string device, BloomNumberType type)
{
    private const long MiB = 1 << 20;

    private static readonly BloomConfig s_config = BloomConfig.ForShape("8,1024,16,256"); // 100 million weights

    public static TheoryData<BloomStrategy, BloomWeightFormat, int> Strategies => new()
    {
        { BloomStrategy.SingleDevice, BloomWeightFormat.Dense, 1 },
        { BloomStrategy.Int8, BloomWeightFormat.Auto, 1 },
        { BloomStrategy.LayerSplit, BloomWeightFormat.Dense, 2 },
        { BloomStrategy.LayerSplit, BloomWeightFormat.Int8, 2 },
        { BloomStrategy.TensorParallel, BloomWeightFormat.Dense, 2 },
        { BloomStrategy.TensorParallel, BloomWeightFormat.Int8, 2 },
        { BloomStrategy.Offload, BloomWeightFormat.Dense, 1 },
        { BloomStrategy.Offload, BloomWeightFormat.Int8, 1 },
        { BloomStrategy.Offload, BloomWeightFormat.Dense, 2 },
    };

    public static TheoryData<BloomStrategy, BloomWeightFormat, int> OverTwo => [.. Strategies.Where(row => row.Data.Item3 == 2)];

    /// <summary>Gets what is taken of the device's memory.</summary>
    protected abstract long MemoryInUse();

    [Theory]
    [MemberData(nameof(Strategies))]
    public void FailureHalfWay_GivesEverythingBack(BloomStrategy strategy, BloomWeightFormat format, int parts)
    {
        BloomChatClientOptions options = Options(strategy, format, parts);
        long before = 0, during = 0;
        var failing = new Calling(progress =>
        {
            if (2 * progress.BytesLoaded > progress.BytesTotal)
            {
                during = MemoryInUse();
                throw new PlacementException("No room half-way.");
            }
        });

        _ = Assert.Throws<PlacementException>(() => Build(options, failing)); // what is loaded once stays: code, and torch's pools
        before = MemoryInUse();

        var error = Assert.Throws<PlacementException>(() => Build(options, failing));

        Assert.Equal("No room half-way.", error.Message);
        AssertGivenBack(before, during);
    }

    [Theory]
    [MemberData(nameof(OverTwo))]
    public void SecondPartWithoutRoom_GivesTheFirstBack(BloomStrategy strategy, BloomWeightFormat format, int parts)
    {
        BloomChatClientOptions options = Options(strategy, format, parts);
        var native = TorchNative.Load(null);
        long before = 0, during = 0;
        int count = 0;
        DeviceArena NewArena(BloomDevice part, long bytes)
        {
            if (++count == 2)
            {
                during = MemoryInUse();
                throw new PlacementException($"{part} has no room.");
            }

            var arena = new DeviceArena(native, CudaDriver.TryOpen(), part, bytes);
            using Tensor whole = arena.Whole(bytes);
            whole.zero_(); // untouched pages of a host take no memory
            return arena;
        }

        _ = Assert.Throws<PlacementException>(() => Build(options, newArena: NewArena));
        (before, count) = (MemoryInUse(), 0);

        var error = Assert.Throws<PlacementException>(() => Build(options, newArena: NewArena));

        Assert.Equal($"{device}#1 has no room.", error.Message);
        Assert.Equal(2, count);
        AssertGivenBack(before, during);
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void LimitTooSmallForALayer_SaysBothNumbers_AndTakesNothing(BloomStrategy strategy, BloomWeightFormat format, int parts)
    {
        BloomChatClientOptions options = Options(strategy, format, parts);
        options.LayerMap = null;
        options.MemoryLimit = "1MB";
        BloomChatClientOptionsValidator.ThrowIfInvalid(options);

        AssertRefused(options, $"^MemoryLimit leaves .+ of {device}.*, but .+ needs .+ there.*: .*(weights|one layer) .+, cache .+, buffers .+\\. (TensorParallel streams no layers.+\\. )?Set MemoryLimit to .+ or more");
    }

    [Theory]
    [MemberData(nameof(Strategies))]
    public void AbsentDevice_IsNamed_AndNothingIsTaken(BloomStrategy strategy, BloomWeightFormat format, int parts)
    {
        BloomChatClientOptions options = Options(strategy, format, parts);
        options.LayerMap = null;
        options.Devices = parts == 1 ? ["cuda:98"] : device == "cpu" ? ["cuda:97", "cuda:98"] : ["cuda:0", "cuda:98"];
        BloomChatClientOptionsValidator.ThrowIfInvalid(options);

        AssertRefused(options, "^cuda:9[78] is not there: .+\\.$");
    }

    private static LoadedModel Build(BloomChatClientOptions options, IProgress<LoadProgress>? progress = null, Func<BloomDevice, long, DeviceArena>? newArena = null)
    {
        using IDisposable inference = inference_mode();
        using var source = new RandomWeights(s_config);
        var factory = new EngineFactory(options, TorchNative.Load(null), NullLogger.Instance) { NewArena = newArena };
        return factory.Build(source, tokenizer: null, progress, TestContext.Current.CancellationToken);
    }

    private void AssertRefused(BloomChatClientOptions options, string pattern)
    {
        _ = Assert.Throws<PlacementException>(() => Build(options)); // looking a device up may load libraries
        long before = MemoryInUse();

        var error = Assert.Throws<PlacementException>(() => Build(options));

        Assert.Matches(pattern, error.Message);
        Assert.InRange(MemoryInUse() - before, long.MinValue, 8 * MiB);
    }

    // There was something to give back, and what is missing is little beside it. What earlier tests left may go meanwhile.
    private void AssertGivenBack(long before, long during)
    {
        long after = MemoryInUse();
        Assert.InRange(during - after, 24 * MiB, long.MaxValue);
        Assert.InRange(after - before, long.MinValue, (during - after) / 3);
    }

    private BloomChatClientOptions Options(BloomStrategy strategy, BloomWeightFormat format, int parts)
    {
        var options = new BloomChatClientOptions
        {
            Model = "random",
            Strategy = strategy,
            WeightFormat = format,
            Devices = parts == 1 ? [device] : [.. Enumerable.Range(0, parts).Select(part => $"{device}#{part}")],
            NumberType = type,
            MaxContextTokens = 16,
        };
        if (strategy is BloomStrategy.Offload)
        {
            OffloadLimit.Apply(options, s_config, [.. Enumerable.Repeat(s_config.LayerCount / parts, parts)], fitting: 3);
        }

        return options;
    }

    private sealed class Calling(Action<LoadProgress> report) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => report(value);
    }
}
