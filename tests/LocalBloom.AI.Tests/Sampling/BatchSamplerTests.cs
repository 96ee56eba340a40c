using LocalBloom.AI.Sampling;
using LocalBloom.AI.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Sampling;

public class BatchSamplerTests
{
    private static readonly SamplingSettings[] s_settings =
    [
        SamplingSettings.Greedy,
        new() { Temperature = 1 },
        new() { Temperature = 0.3f, TopK = 7 },
        new() { Temperature = 1.4f, TopP = 0.8f },
        new() { Temperature = 0.9f, TopK = 40, TopP = 0.6f },
        new() { Temperature = 1, TopP = 1e-6f },
        new() { Temperature = 1, TopK = 1 },
        new() { Temperature = 1, TopK = 2_000 },
        new() { Temperature = 0.8f, RepetitionPenalty = 1.3f, PresencePenalty = 0.5f, FrequencyPenalty = 0.2f },
        new() { RepetitionPenalty = 1.8f },
        new() { Temperature = 1e-30f },
    ];

    public static TheoryData<int, float> Vocabularies => new() { { 40, 4 }, { 1_024, 4 }, { 3_000, 4 }, { 3_000, 0.02f }, { 5_000, 12 } };

    // All settings in one batch, each as often as there are points; the oracle looks at one row at a time, on the host.
    [Theory]
    [MemberData(nameof(Vocabularies))]
    public void Batch_ChoosesWhatTheOracleChooses(int vocabulary, float spread)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        var random = new Random(5);
        Tensor logits = randn([s_settings.Length, vocabulary], generator: generator) * spread;
        var requests = new List<SampleRequest>();
        for (int round = 0; round < 20; round++)
        {
            requests.AddRange(s_settings.Select((settings, row) => new SampleRequest(row, settings, Tokens(random, vocabulary), PromptLength: 6, [], random.NextDouble())));
        }

        SampledToken[] chosen = BatchSampler.Sample(LogitParts.Of(logits.clone()), requests);

        Assert.All(requests.Zip(chosen), pair =>
        {
            (SampleRequest request, SampledToken token) = pair;
            Tensor row = Penalized(logits[request.Row], request);
            (Tensor peak, Tensor best) = row.max(0);
            Assert.Contains(token.Id, request.Settings.Temperature == 0 ? [(int)best.item<long>()] : Near(row - peak, request));
            Assert.True(token.IsFinite);
        });
    }

    [Fact]
    public void Row_GivesTheSame_AloneAndInAnyCompany()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(4, CPU);
        Tensor logits = randn([s_settings.Length, 2_500], generator: generator) * 2;
        var random = new Random(6);
        SampleRequest[] requests = [.. s_settings.Select((settings, row) => new SampleRequest(row, settings, Tokens(random, 2_500), 6, [], random.NextDouble()))];

        int[] together = [.. BatchSampler.Sample(LogitParts.Of(logits.clone()), requests).Select(token => token.Id)];
        int[] alone = [.. requests.Select(request => BatchSampler.Sample(LogitParts.Of(logits.narrow(0, request.Row, 1).clone()), [request with { Row = 0 }])[0].Id)];
        int[] reversed = [.. BatchSampler.Sample(LogitParts.Of(logits.clone()), [.. requests.Reverse()]).Reverse().Select(token => token.Id)];

        Assert.Equal(together, alone);
        Assert.Equal(together, reversed);
    }

    [Fact]
    public void LogitBias_Bans_AndForces()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = tensor(new float[] { 3, 2, 1, 0 }).view(1, 4);
        SampleRequest Request(Dictionary<int, float> bias, params int[] banned) => new(0, new() { LogitBias = bias }, [0], 1, banned, 0);

        SampledToken[] tokens = BatchSampler.Sample(LogitParts.Of(logits), [Request([]), Request(new() { [0] = -100 }), Request(new() { [3] = 100 }), Request([], 0, 1)]);

        Assert.Equal([0, 1, 3, 2], tokens.Select(token => token.Id));
    }

    [Fact]
    public void LogProbabilities_AreTheDistributionsOwn()
    {
        using DisposeScope scope = NewDisposeScope();
        float[] values = [0.5f, 2, -1, 1];
        double normalizer = Math.Log(values.Sum(value => Math.Exp(value)));
        SampleRequest Request(int? top) => new(0, new() { TopLogProbabilities = top }, [0], 1, [], 0);

        SampledToken[] tokens = BatchSampler.Sample(LogitParts.Of(tensor(values).view(1, 4)), [Request(null), Request(0), Request(3), Request(20)]);

        Assert.Null(tokens[0].LogProbability);
        Assert.Null(tokens[0].Top);
        Assert.Equal(2 - normalizer, tokens[1].LogProbability!.Value, 1e-6);
        Assert.Empty(tokens[1].Top!);
        Assert.Equal([1, 3, 0], tokens[2].Top!.Select(top => top.TokenId));
        Assert.Equal([1, 3, 0, 2], tokens[3].Top!.Select(top => top.TokenId)); // all there are
        Assert.Equal(-1 - normalizer, tokens[3].Top![3].LogProbability, 1e-6);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void BrokenLogits_AreTold_AndLeaveOthersAlone(float broken)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = tensor(new float[] { 1, broken, 0, /* the other */ 1, 5, 0 }).view(2, 3);
        SampleRequest Request(int row, float temperature) => new(row, new() { Temperature = temperature, TopK = 1 }, [0], 1, [], 0.5);

        SampledToken[] tokens = BatchSampler.Sample(LogitParts.Of(logits), [Request(0, 0), Request(0, 1), Request(1, 0), Request(1, 1)]);

        Assert.Equal([false, false, true, true], tokens.Select(token => token.IsFinite));
        Assert.Equal([1, 1], tokens.Skip(2).Select(token => token.Id));
    }

    private static int[] Tokens(Random random, int vocabulary) => [.. Enumerable.Range(0, 12).Select(_ => random.Next(vocabulary))];

    private static Tensor Penalized(Tensor row, SampleRequest request)
    {
        var oracle = new ReferenceSampler(request.Settings, request.Tokens.Take(request.PromptLength));
        foreach (int id in request.Tokens.Skip(request.PromptLength))
        {
            oracle.Count(id);
        }

        return oracle.Penalize(row);
    }

    // Both round: a point within 1e-5 of the border of two tokens may fall to either.
    private static int[] Near(Tensor row, SampleRequest request)
    {
        TokenDistribution kept = ReferenceSampler.Warp(row, request.Settings, mass: 1);
        return [.. new[] { -1e-5, 0, 1e-5 }.Select(off => kept.At(Math.Clamp(request.Point + off, 0, Math.BitDecrement(1.0)))).Distinct()];
    }
}
