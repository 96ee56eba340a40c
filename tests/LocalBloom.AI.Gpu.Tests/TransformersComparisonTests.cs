using System.Runtime.InteropServices;
using System.Text.Json;
using LocalBloom.AI.Testing;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>A checkpoint of real size, saved by transformers, against transformers' own logits. Made by reference.py; see the README here.</summary>
[Collection(nameof(WatchedGpu))]
public sealed class TransformersComparisonTests
{
    private const string Variable = "LOCALBLOOM_REFERENCE";

    private static string Folder
    {
        get
        {
            Cuda.Require();
            string? folder = Environment.GetEnvironmentVariable(Variable);
            Assert.SkipWhen(string.IsNullOrEmpty(folder), $"Needs an NVIDIA GPU with PyTorch and transformers, and {Variable}: see the README of these tests.");
            return folder!;
        }
    }

    [Theory]
    [InlineData("cuda:0")]
    [InlineData("cuda:0#0,cuda:0#1")]
    public void Float16Logits_AreAsNearToFloat32AsTransformersOwn(string devices)
    {
        int[][] prompts = JsonSerializer.Deserialize<int[][]>(File.ReadAllText(Path.Combine(Folder, "prompts.json")))!;
        float[] exact = ReadFloats("float32.bin");
        float[] theirs = ReadFloats("float16.bin");
        using var model = new TestModel(Options(devices));
        int vocabulary = exact.Length / prompts.Length;

        (double Mean, double Max) ours = (0, 0), reference = (0, 0);
        for (int i = 0; i < prompts.Length; i++)
        {
            float[] logits = model.LastLogits(prompts[i]);
            for (int j = 0; j < vocabulary; j++)
            {
                float truth = exact[(i * vocabulary) + j];
                ours = Add(ours, Math.Abs(logits[j] - truth));
                reference = Add(reference, Math.Abs(theirs[(i * vocabulary) + j] - truth));
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{prompts.Length} prompts on {devices}: mean |Δ| ours {ours.Mean / exact.Length:E3}, transformers {reference.Mean / exact.Length:E3}; " +
            $"max ours {ours.Max:E3}, transformers {reference.Max:E3}; ratios {ours.Mean / reference.Mean:F3} and {ours.Max / reference.Max:F3}");
        Assert.True(ours.Mean <= 1.1 * reference.Mean, $"mean |Δ|: ours {ours.Mean / exact.Length:E3}, transformers {reference.Mean / exact.Length:E3}");
        Assert.True(ours.Max <= 1.1 * reference.Max, $"max |Δ|: ours {ours.Max:E3}, transformers {reference.Max:E3}");

        static (double Mean, double Max) Add((double Sum, double Max) sofar, double error) => (sofar.Sum + error, Math.Max(sofar.Max, error));
    }

    [Fact]
    public async Task LargeCheckpoint_LoadsInLittleHostMemory_Answers_AndGivesItsMemoryBack()
    {
        const long Allowed = 2L << 30;
        BloomChatClientOptions options = Options("cuda:0");
        var driver = Native.CudaDriver.TryOpen()!;
        long free = driver.Memory(0).Free;
        long before = ProcessMemory.Anonymous();
        long peak = before;
        long arena;

        using (var client = new BloomChatClient(options))
        {
            await client.LoadAsync(new Synchronous(_ => peak = Math.Max(peak, ProcessMemory.Anonymous())), TestContext.Current.CancellationToken);
            ChatResponse response = await client.GetResponseAsync(
                "What is the next stage after TB infection?", new() { MaxOutputTokens = 8 }, TestContext.Current.CancellationToken);
            Assert.Equal(8, response.Usage?.OutputTokenCount);
            arena = client.GetService<BloomEngine>()!.DeviceMemory["cuda:0"];
        }

        long kept = free - driver.Memory(0).Free;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"anonymous host memory: {before / 1e9:F2} GB before, peak {peak / 1e9:F2} GB while loading; arena {arena / 1e9:F2} GB; not given back {kept / 1e9:F2} GB");
        Assert.True(peak - before < Allowed, $"anonymous memory grew by {(peak - before) / 1e9:F2} GB");
        Assert.True(kept < arena / 10, $"{kept / 1e9:F2} GB of {arena / 1e9:F2} GB were not given back");
    }

    private static BloomChatClientOptions Options(string devices) => new()
    {
        Model = Path.Combine(Folder, "model"),
        Devices = devices.Split(','),
        Strategy = devices.Contains(',', StringComparison.Ordinal) ? BloomStrategy.LayerSplit : BloomStrategy.SingleDevice,
        NumberType = BloomNumberType.Float16,
    };

    private static float[] ReadFloats(string name) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(Path.Combine(Folder, name))).ToArray();

    private sealed class Synchronous(Action<LoadProgress> report) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => report(value);
    }
}
