using LocalBloom.AI.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Sampling;

/// <summary>The far end of the distribution, where rounding decides: nothing may come that has no probability.</summary>
public class SamplingTailTests
{
    private const int Likely = 100;
    private const int Vocabulary = 5_000;

    private static readonly SamplingSettings s_plain = new() { Temperature = 1 };
    private static readonly double s_last = Math.BitDecrement(1.0);

    [Theory]
    [InlineData(-60)] // 4,900 tokens have 1e-24 together: below the step of a double at 1
    [InlineData(float.NegativeInfinity)]
    public void TheLastPoint_IsATokenOfThoseThatHaveProbability(float unlikely)
    {
        using DisposeScope scope = NewDisposeScope();
        for (float offset = -40; offset <= 40; offset += 0.7f)
        {
            // The larger the logits, the coarser their float32 normalizer, and the farther from 1 the sum of probabilities.
            float[] logits = [.. Enumerable.Range(0, Vocabulary).Select(i => (i < Likely ? 0.01f * i : unlikely) + offset)];

            int id = ReferenceSampler.Warp(tensor(logits), s_plain, s_last).At(s_last);

            Assert.InRange(id, 0, Likely - 1);
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(50, 1)]
    [InlineData(0, 0.9f)]
    [InlineData(50, 0.9f)]
    public void WhatIsKept_SumsToOne(int topK, float topP)
    {
        using DisposeScope scope = NewDisposeScope();
        float[] logits = [.. Enumerable.Range(0, Vocabulary).Select(i => 30 + (0.001f * i))];

        TokenDistribution kept = ReferenceSampler.Warp(tensor(logits), s_plain with { TopK = topK, TopP = topP }, mass: 1);

        Assert.Equal(1, kept.Probabilities.Sum(), 1e-12); // 5,000 double additions: 5,000 · 2⁻⁵³ ≈ 6e-13
    }
}
