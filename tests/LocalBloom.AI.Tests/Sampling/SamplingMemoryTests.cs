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
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        Tensor logits = randn([rows, Vocabulary], generator: generator);
        SampleRequest[] requests =
            [.. Enumerable.Range(0, rows).Select(row => new SampleRequest(row, new SamplingSettings { Temperature = temperature, TopP = 0.999f }, [], 0, [], 0.99))];
        BatchSampler.Sample(LogitParts.Of(logits.clone()), requests); // what libraries take once
        using Tensor again = logits.clone();

        long taken = PeakMemory.Of(() => BatchSampler.Sample(LogitParts.Of(again), requests));

        Assert.InRange(taken, 0, BatchSampler.TemporaryBytes(rows, Vocabulary) + PeakMemory.Runtime);
    }
}
