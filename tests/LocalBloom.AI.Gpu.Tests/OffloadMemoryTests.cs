using System.Runtime.InteropServices;
using LocalBloom.AI.Engine;
using LocalBloom.AI.Latency;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Weights;
using Microsoft.Extensions.Logging.Abstractions;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>Tests that watch a GPU's free memory, which no other test may take meanwhile.</summary>
[CollectionDefinition(nameof(WatchedGpu), DisableParallelization = true)]
public sealed class WatchedGpu;

/// <summary>What Offload takes of a GPU and of pinned memory, and that it gives it back.</summary>
[Collection(nameof(WatchedGpu))]
public sealed class OffloadMemoryTests
{
    // 7b1's width, vocabulary and context with fewer layers: the cache, the head's logits and a prompt's passing tensors are its own.
    private const string Shape = "8,4096,32,250880";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("5.1GB", BloomWeightFormat.Dense)]
    [InlineData("3.5 GB", BloomWeightFormat.Int8)]
    public async Task Limit_IsKept_WhateverIsComputed(string limit, BloomWeightFormat format)
    {
        Cuda.Require();
        Assert.True(ByteSize.TryParse(limit, out long bytes));
        using var watch = new DeviceMemoryWatch(["cuda:0"]);
        using (var engine = BloomEngine.WithRandomWeights(Shape, Options(limit, format)))
        {
            await engine.LoadAsync(progress: null, Cancellation);
            Assert.True(engine.Status.StreamedBytes > 0, engine.DescribePlan());
            TestContext.Current.TestOutputHelper?.WriteLine(engine.DescribePlan());

            // A context full of prompt; then as many replies as may be under way, with everything that sampling computes.
            await RunAsync(engine, [Request(2040, 4, seed: 1)]);
            await RunAsync(engine, [.. Enumerable.Range(0, 32).Select(i => Request(20, 12, seed: i))]);
            await RunAsync(engine, [Request(600, 4, seed: 1), Request(600, 4, seed: 2), Request(600, 4, seed: 3)]);
        }

        long taken = watch.Stop()["cuda:0"];
        TestContext.Current.TestOutputHelper?.WriteLine($"{taken} bytes of {bytes} were taken at most.");
        Assert.InRange(taken, bytes / 3, bytes);
    }

    [Fact]
    public void HostMemoryRunningOut_GivesEverythingBack()
    {
        Cuda.Require();
        var driver = CudaDriver.TryOpen()!;
        var cuda = new CudaStreams(driver);
        var native = TorchNative.Load(null);
        BloomConfig config = BloomConfig.ForShape("6,2048,16,1024"); // layers of 100 MB
        var options = new BloomChatClientOptions { Model = "random", Devices = ["cuda:0"], NumberType = BloomNumberType.Float16, MaxContextTokens = 64 };
        OffloadLimit.Apply(options, config, [config.LayerCount], fitting: 3);
        FailingSlabs? slabs = null;
        Build(count: 100).Dispose(); // what is loaded once stays
        long before = driver.Memory(0).Free;

        var error = Assert.Throws<PlacementException>(() => Build(count: 3));

        Assert.Equal("No room for slab 3.", error.Message);
        Assert.Equal((3, true), (slabs!.Given.Count, slabs.IsDisposed));
        Assert.All(slabs.Given, slab => Assert.False(IsPinned(slab)));
        Assert.InRange(before - driver.Memory(0).Free, long.MinValue, 50_000_000); // less than a layer

        LoadedModel Build(int count)
        {
            using var source = new RandomWeights(config);
            var factory = new EngineFactory(options, native, NullLogger.Instance)
            {
                NewSlabs = (device, streaming) => slabs = new FailingSlabs(new PinnedSlabs(cuda, device.Index, streaming.LayerBytes), count),
            };
            LoadedModel model = factory.Build(source, tokenizer: null, progress: null, Cancellation);
            Assert.All(slabs!.Given, slab => Assert.True(IsPinned(slab)));
            return model;
        }

        static unsafe bool IsPinned(nint address)
        {
            var getFlags = (delegate* unmanaged<uint*, nint, int>)NativeLibrary.GetExport(NativeLibrary.Load("libcuda.so.1"), "cuMemHostGetFlags");
            uint flags;
            return getFlags(&flags, address) == 0;
        }
    }

    private static BloomChatClientOptions Options(string limit, BloomWeightFormat format) => new()
    {
        Strategy = BloomStrategy.Offload,
        Devices = ["cuda:0"],
        NumberType = BloomNumberType.Float16,
        WeightFormat = format,
        MemoryLimit = limit,
    };

    private static GenerationRequest Request(int promptTokens, int newTokens, int seed) => new()
    {
        PromptIds = [.. Enumerable.Range(0, promptTokens).Select(i => 1000 + ((i * 7919) + (seed * 104_729)) % 200_000)],
        MaxNewTokens = newTokens,
        IgnoreEndOfSequence = true,
        Sampling = new SamplingSettings { Temperature = 0.8f, TopP = 0.9f, TopK = 50, RepetitionPenalty = 1.1f, Seed = seed },
    };

    private static async Task RunAsync(BloomEngine engine, GenerationRequest[] requests)
    {
        int[] counts = await Task.WhenAll(requests.Select(async request => await engine.GenerateAsync(request, Cancellation).CountAsync(Cancellation)));
        Assert.Equal(requests.Select(request => request.MaxNewTokens), counts);
    }
}
