using System.Globalization;
using LocalBloom.AI.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Sampling;

[Collection(nameof(AloneInTheProcess))]
public class SamplingMemoryTests
{
    private const int Vocabulary = 250_880;

    // As flat as can be: every row has to be sorted whole.
    [Theory]
    [InlineData(1, 100f)]
    [InlineData(16, 100f)]
    [InlineData(16, 1f)]
    public void Drawing_TakesNoMoreThanIsPlanned(int rows, float temperature)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs /proc/self/clear_refs, which Linux alone has");
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        Tensor logits = randn([rows, Vocabulary], generator: generator);
        SampleRequest[] requests =
            [.. Enumerable.Range(0, rows).Select(row => new SampleRequest(row, new SamplingSettings { Temperature = temperature, TopP = 0.999f }, [], 0, [], 0.99))];
        BatchSampler.Sample(LogitParts.Of(logits.clone()), requests); // what libraries take once
        using Tensor again = logits.clone();
        AloneInTheProcess.Memory();
        File.WriteAllText("/proc/self/clear_refs", "5"); // the peak begins anew
        long before = Peak();

        BatchSampler.Sample(LogitParts.Of(again), requests);

        const long Runtime = 24 << 20; // of the managed heap and malloc's arenas
        Assert.InRange(Peak() - before, 0, BatchSampler.TemporaryBytes(rows, Vocabulary) + Runtime);
    }

    private static long Peak()
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
