using LocalBloom.AI.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Sampling;

/// <summary>Logits in slices of the vocabulary against the same logits whole.</summary>
public class LogitPartsTests
{
    private static readonly SamplingSettings[] s_settings =
    [
        SamplingSettings.Greedy,
        new() { Temperature = 1 },
        new() { Temperature = 0.3f, TopK = 7 },
        new() { Temperature = 1.4f, TopP = 0.8f },
        new() { Temperature = 100, TopP = 0.999f }, // flat: candidates do not decide, and whole rows are looked at
        new() { Temperature = 1, TopK = 2_000 },
        new() { Temperature = 0.8f, RepetitionPenalty = 1.3f, PresencePenalty = 0.5f, FrequencyPenalty = 0.2f, TopLogProbabilities = 5 },
        new() { RepetitionPenalty = 1.8f, LogitBias = new Dictionary<int, float> { [0] = 3, [1500] = 4, [2999] = -100 }, TopLogProbabilities = 20 },
    ];

    [Theory]
    [InlineData(1_500)]
    [InlineData(1, 2_000)]
    [InlineData(700, 1_400, 2_999)]
    public void Slices_ChooseWhatTheWholeChooses(params int[] cuts)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(8, CPU);
        Tensor logits = randn([s_settings.Length, 3_000], generator: generator) * 4;
        var random = new Random(9);
        SampleRequest[] requests =
        [
            .. Enumerable.Range(0, 20).SelectMany(_ => s_settings.Select((settings, row) =>
                new SampleRequest(row, settings, [.. Enumerable.Range(0, 12).Select(_ => random.Next(3_000))], 6, [random.Next(3_000), (int)logits[row].argmax().item<long>()], random.NextDouble()))),
        ];

        SampledToken[] whole = BatchSampler.Sample(LogitParts.Of(logits.clone()), requests);
        SampledToken[] parts = BatchSampler.Sample(Cut(logits, cuts), requests);

        Assert.Equal(whole.Select(token => token.Id), parts.Select(token => token.Id));
        foreach ((SampledToken one, SampledToken other) in whole.Zip(parts).Where(pair => pair.First.LogProbability is not null))
        {
            Assert.Equal(one.LogProbability!.Value, other.LogProbability!.Value, 1e-5f); // the sum of exponentials goes in another order
            Assert.Equal(one.Top!.Select(top => top.TokenId), other.Top!.Select(top => top.TokenId));
            Assert.All(one.Top!.Zip(other.Top!), pair => Assert.Equal(pair.First.LogProbability, pair.Second.LogProbability, 1e-5f));
        }
    }

    [Fact]
    public void EqualLogits_GiveTheLowestToken_WhicheverSliceHasIt()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = tensor(new float[] { 0, 5, 0, 5, 5, 0, /* the other */ 0, 0, 0, 5, 0, 5 }).view(2, 6);
        SampleRequest Request(int row) => new(row, SamplingSettings.Greedy, [0], 1, [], 0);

        Assert.Equal([1, 3], BatchSampler.Sample(Cut(logits, 2, 4), [Request(0), Request(1)]).Select(token => token.Id));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void BrokenLogits_AreTold_WhicheverSliceHasThem(float broken)
    {
        using DisposeScope scope = NewDisposeScope();
        SampleRequest Request(int row) => new(row, SamplingSettings.Greedy, [0], 1, [], 0);
        Tensor logits = tensor(new float[] { broken, 1, 2, 3, /**/ 0, 1, 2, broken, /**/ 0, 1, 2, 3 }).view(3, 4);

        SampledToken[] tokens = BatchSampler.Sample(Cut(logits, 2), [Request(0), Request(1), Request(2)]);

        Assert.Equal([false, false, true], tokens.Select(token => token.IsFinite));
    }

    private static LogitParts Cut(Tensor logits, params int[] cuts)
    {
        int[] bounds = [0, .. cuts, (int)logits.shape[1]];
        return new([.. bounds.Zip(bounds.Skip(1)).Select(pair => logits.narrow(1, pair.First, pair.Second - pair.First).clone())], new Lock());
    }
}
