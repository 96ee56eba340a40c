using LocalBloom.AI.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Sampling;

public class ReferenceSamplerTests
{
    private static readonly SamplingSettings s_sampling = new() { Temperature = 1, Seed = 1 };

    [Theory]
    [InlineData(7, false)]
    [InlineData(5_000, false)]
    [InlineData(5_000, true)]
    public void Greedy_TakesTheLargest_WhateverTopKAndTopPSay(int vocabulary, bool isNarrowed)
    {
        float[] logits = Logits(vocabulary, seed: 3);
        var settings = isNarrowed ? new SamplingSettings { TopK = 50, TopP = 0.5f } : SamplingSettings.Greedy;

        Assert.Equal(Array.IndexOf(logits, logits.Max()), Draw(settings, logits, count: 1)[0]);
    }

    [Theory]
    [InlineData(0.5f)]
    [InlineData(1)]
    [InlineData(1.7f)]
    public void Warp_DividesByTheTemperature(float temperature)
    {
        float[] logits = Logits(100, seed: 4);

        TokenDistribution kept = Warp(logits, s_sampling with { Temperature = temperature });

        AssertDistribution(ReferenceWarp(logits, temperature, topK: 0, topP: 1), kept);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(99, 99)]
    [InlineData(100, 100)]
    [InlineData(101, 100)]           // beyond the vocabulary
    [InlineData(int.MaxValue, 100)]
    public void Warp_TopK_KeepsSoMany(int topK, int expected)
    {
        float[] logits = Logits(100, seed: 5);

        TokenDistribution kept = Warp(logits, s_sampling with { TopK = topK });

        Assert.Equal(expected, kept.Ids.Length);
        AssertDistribution(ReferenceWarp(logits, 1, topK, topP: 1), kept);
    }

    [Fact]
    public void Warp_TopK_MayExceedTheFirstLook() =>
        Assert.Equal(2_000, Warp(Logits(5_000, seed: 6), s_sampling with { TopK = 2_000 }).Ids.Length);

    // Probabilities 1/2, 1/4, 1/8 …: the nucleus is the fewest tokens whose mass reaches p.
    [Theory]
    [InlineData(1e-9f, 1)]
    [InlineData(0.4f, 1)]
    [InlineData(0.6f, 2)]
    [InlineData(0.74f, 2)]
    [InlineData(0.76f, 3)]
    [InlineData(0.9f, 4)]
    public void Warp_TopP_KeepsTheFewestThatReachIt(float topP, int expected)
    {
        float[] logits = [.. Enumerable.Range(1, 30).Select(i => (float)(-i * Math.Log(2)))];

        TokenDistribution kept = Warp(logits, s_sampling with { TopP = topP });

        Assert.Equal(Enumerable.Range(0, expected), kept.Ids);
        AssertDistribution(ReferenceWarp(logits, 1, topK: 0, topP), kept);
    }

    [Theory]
    [InlineData(1, 1e-9f)]
    [InlineData(5, 0.5f)]
    [InlineData(20, 0.9f)]
    [InlineData(2_000, 0.95f)]
    public void Warp_TopP_CountsWhatTopKLeaves(int topK, float topP)
    {
        float[] logits = Logits(3_000, seed: 7);

        AssertDistribution(ReferenceWarp(logits, 0.8, topK, topP), Warp(logits, s_sampling with { Temperature = 0.8f, TopK = topK, TopP = topP }));
    }

    [Fact]
    public void Warp_NucleusBeyondTheFirstLook_IsWhole()
    {
        float[] logits = Logits(5_000, seed: 8, spread: 0.01f); // nearly flat: 0.9 of the mass takes nearly 4,500 tokens

        TokenDistribution kept = Warp(logits, s_sampling with { TopP = 0.9f }, mass: 0);

        Assert.InRange(kept.Ids.Length, 4_400, 4_500);
        AssertDistribution(ReferenceWarp(logits, 1, topK: 0, topP: 0.9), kept);
    }

    [Fact]
    public void Next_OnAFlatDistribution_DrawsEveryTokenAsOftenAsItShould()
    {
        const int Vocabulary = 5_000;
        const int Draws = 2_000;
        const int GroupSize = 250; // neighbours in rank: twenty groups, of which the first look sees four
        float[] logits = Logits(Vocabulary, seed: 9, spread: 1);
        (int Id, double Probability)[] expected = ReferenceWarp(logits, 1, topK: 0, topP: 1); // most probable first
        Dictionary<int, int> groupOf = expected.Select((token, rank) => (token.Id, Group: rank / GroupSize)).ToDictionary(pair => pair.Id, pair => pair.Group);

        int[] counts = new int[Vocabulary / GroupSize];
        foreach (int id in Draw(s_sampling, logits, Draws))
        {
            counts[groupOf[id]]++;
        }

        // A count has the variance n·p·(1−p). That one of twenty is 4.5 deviations off has a chance of 1 in 7,000, and the seed is fixed;
        // groups that were never or always reached would be off by more than 7.
        for (int group = 0; group < counts.Length; group++)
        {
            double p = expected.Skip(group * GroupSize).Take(GroupSize).Sum(token => token.Probability);
            Assert.Equal(Draws * p, counts[group], 4.5 * Math.Sqrt(Draws * p * (1 - p)));
        }
    }

    [Fact]
    public void Warp_OnAFlatDistribution_FindsTheTokenOfEveryPoint()
    {
        const int Points = 97;
        float[] logits = Logits(5_000, seed: 17, spread: 1);
        (int Id, double Probability)[] expected = ReferenceWarp(logits, 1, topK: 0, topP: 1);
        double[] ends = [.. expected.Select((_, i) => expected.Take(i + 1).Sum(token => token.Probability))];
        for (int i = 0; i < Points; i++)
        {
            double point = (i + 0.5) / Points;

            int id = Warp(logits, s_sampling, point).At(point);

            // Float32 rounding moves a range's end by some 1e-6; ranges are 1e-4 wide.
            int rank = Array.FindIndex(expected, token => token.Id == id);
            Assert.InRange(point, (rank == 0 ? 0 : ends[rank - 1]) - 5e-6, ends[rank] + 5e-6);
        }
    }

    [Theory]
    [InlineData(float.Epsilon)]
    [InlineData(1e-38f)]
    [InlineData(1e-6f)]
    public void Next_TinyTemperature_IsGreedy(float temperature)
    {
        float[] logits = Logits(2_000, seed: 10, spread: 50);
        int largest = Array.IndexOf(logits, logits.Max());

        Assert.All(Draw(s_sampling with { Temperature = temperature }, logits, count: 20), id => Assert.Equal(largest, id));
        Assert.All(Draw(s_sampling with { Temperature = temperature, TopK = 40, TopP = 0.9f }, logits, count: 20), id => Assert.Equal(largest, id));
    }

    [Fact]
    public void Next_NeverLeavesTheKeptSet()
    {
        var random = new Random(20240607);
        for (int round = 0; round < 60; round++)
        {
            float[] logits = Logits(random.Next(1, 2_500), seed: round, spread: random.NextSingle() * 5);
            var settings = new SamplingSettings
            {
                Temperature = 0.1f + (random.NextSingle() * 2),
                TopK = random.Next(0, 3) * random.Next(1, 60),
                TopP = random.Next(2) == 0 ? 1 : 0.01f + (random.NextSingle() * 0.98f),
                Seed = round,
            };
            (int Id, double Probability)[] all = ReferenceWarp(logits, settings.Temperature, topK: 0, topP: 1);
            (int Id, double Probability)[] reference = ReferenceWarp(logits, settings.Temperature, settings.TopK, settings.TopP);

            // A mass that meets p within float32's rounding may keep one more than the exact sum does.
            HashSet<int> kept = [.. all.Take(reference.Length + (settings.TopP < 1 ? 1 : 0)).Select(token => token.Id)];
            Assert.All(Draw(settings, logits, count: 50), id => Assert.Contains(id, kept));
        }
    }

    [Theory]
    [InlineData(1.3f, 0, 0)]
    [InlineData(0.8f, 0, 0)]
    [InlineData(1, 0.5f, 0)]
    [InlineData(1, -1.5f, 0)]
    [InlineData(1, 0, 2)]
    [InlineData(1, 0, -0.7f)]
    [InlineData(1.2f, 0.3f, 0.4f)]
    public void Penalize_AgreesWithScalarReference(float repetition, float frequency, float presence)
    {
        using DisposeScope scope = NewDisposeScope();
        float[] logits = Logits(40, seed: 11);
        int[] prompt = [3, 3, 7, 39, 0];
        var settings = new SamplingSettings { RepetitionPenalty = repetition, FrequencyPenalty = frequency, PresencePenalty = presence };
        var sampler = new ReferenceSampler(settings, prompt);
        var reply = new List<int>();
        for (int i = 0; i < 12; i++)
        {
            float[] penalized = sampler.Penalize(tensor(logits)).data<float>().ToArray();
            float[] expected = ReferencePenalize(logits, settings, prompt, reply);

            // Two roundings of numbers below 20.
            Assert.All(expected.Zip(penalized), pair => Assert.Equal(pair.First, pair.Second, 2 * 20 * 6e-8));
            reply.Add(sampler.Next(tensor(logits)));
            Assert.Equal(Array.IndexOf(expected, expected.Max()), reply[^1]);
        }
    }

    [Fact]
    public void Penalize_LeavesTheLogitsAlone()
    {
        using DisposeScope scope = NewDisposeScope();
        float[] logits = Logits(40, seed: 12);
        Tensor given = tensor(logits);
        var sampler = new ReferenceSampler(s_sampling with { RepetitionPenalty = 1.5f, FrequencyPenalty = 1, PresencePenalty = 1 }, [1, 2, 3]);

        sampler.Next(given);
        sampler.Next(given);

        Assert.Equal(logits, given.data<float>().ToArray());
    }

    [Fact]
    public void PresencePenalty_DoesNotCountThePrompt()
    {
        using DisposeScope scope = NewDisposeScope();
        var settings = new SamplingSettings { PresencePenalty = 2, FrequencyPenalty = 2 };

        Assert.Equal([1f, 0f], new ReferenceSampler(settings, [0, 0, 0]).Penalize(tensor([1f, 0f])).data<float>().ToArray());
    }

    [Fact]
    public void FrequencyPenalty_MakesGreedyAlternate() =>
        Assert.Equal([0, 1, 0, 1, 0, 1], Draw(new SamplingSettings { FrequencyPenalty = 1 }, [1.2f, 1, -9], count: 6));

    [Theory]
    [InlineData(0, 7)]
    [InlineData(0.4999, 7)]
    [InlineData(0.5, 3)]
    [InlineData(0.7499, 3)]
    [InlineData(0.75, 5)]
    [InlineData(0.9999, 5)]
    public void At_IsTheTokenWhoseRangeHoldsThePoint(double point, int expected) =>
        Assert.Equal(expected, new TokenDistribution([7, 3, 5], [0.5, 0.25, 0.25]).At(point));

    private static float[] Logits(int vocabulary, int seed, float spread = 4)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, vocabulary).Select(_ => ((random.NextSingle() * 2) - 1) * spread)];
    }

    private static int[] Draw(SamplingSettings settings, float[] logits, int count)
    {
        using DisposeScope scope = NewDisposeScope();
        var sampler = new ReferenceSampler(settings, []);
        Tensor given = tensor(logits);
        return [.. Enumerable.Range(0, count).Select(_ => sampler.Next(given))];
    }

    private static TokenDistribution Warp(float[] logits, SamplingSettings settings, double mass = 1)
    {
        using DisposeScope scope = NewDisposeScope();
        return ReferenceSampler.Warp(tensor(logits), settings, mass);
    }

    private static void AssertDistribution((int Id, double Probability)[] expected, TokenDistribution actual)
    {
        Assert.Equal(expected.Length, actual.Ids.Length);
        Dictionary<int, double> probabilities = actual.Ids.Zip(actual.Probabilities).ToDictionary(pair => pair.First, pair => pair.Second);

        // Scaled logits below 16 are rounded to 1e-6 in float32, the normaliser too: together 2e-6 of a probability, and a little for the sum.
        Assert.All(expected, token => Assert.Equal(token.Probability, probabilities[token.Id], (token.Probability * 4e-6) + 1e-12));
        Assert.Equal(1, actual.Probabilities.Sum(), 1e-5);
        Assert.Equal(actual.Probabilities.OrderDescending(), actual.Probabilities);
    }

    // Softmax, top-k and top-p in double, by the book.
    private static (int Id, double Probability)[] ReferenceWarp(float[] logits, double temperature, int topK, double topP)
    {
        double largest = logits.Max();
        (int Id, double Weight)[] sorted =
            [.. logits.Select((logit, id) => (id, Math.Exp((logit - largest) / temperature))).OrderByDescending(token => token.Item2)];
        sorted = topK > 0 ? [.. sorted.Take(topK)] : sorted;
        double total = sorted.Sum(token => token.Weight);
        int kept = 0;
        for (double mass = 0; kept < sorted.Length && (kept == 0 || topP >= 1 || mass < topP); kept++)
        {
            mass += sorted[kept].Weight / total;
        }

        double left = sorted.Take(kept).Sum(token => token.Weight);
        return [.. sorted.Take(kept).Select(token => (token.Id, token.Weight / left))];
    }

    private static float[] ReferencePenalize(float[] logits, SamplingSettings settings, int[] prompt, List<int> reply)
    {
        float[] result = [.. logits];
        for (int id = 0; id < logits.Length; id++)
        {
            int count = reply.Count(other => other == id);
            if (count > 0 || prompt.Contains(id))
            {
                result[id] = result[id] < 0 ? result[id] * settings.RepetitionPenalty : result[id] / settings.RepetitionPenalty;
            }

            result[id] -= (count * settings.FrequencyPenalty) + (count > 0 ? settings.PresencePenalty : 0);
        }

        return result;
    }
}
