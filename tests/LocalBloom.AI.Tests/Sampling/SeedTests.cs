using LocalBloom.AI.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Sampling;

public class SeedTests
{
    // 32 draws of 1,000 equal tokens: two different streams agree with probability 1e-96.
    private const int Draws = 32;

    [Fact]
    public void SameSeed_GivesTheSameTokens() => Assert.Equal(Draw(7), Draw(7));

    [Fact]
    public void NoSeed_GivesOthersEachTime() => Assert.NotEqual(Draw(null), Draw(null));

    [Fact]
    public void OtherSeeds_GiveOtherTokens()
    {
        // Neighbours, signs, complements, and those that differ in the upper half alone.
        long[] seeds = [0, 1, -1, 2, -2, 7, -7, -8, 1L << 32, -1L << 32, (1L << 32) + 1, (5L << 32) + 7, (7L << 32) + 5, unchecked((long)0xFFFFFFFE_00000001), long.MinValue, long.MaxValue];

        Assert.Equal(seeds.Length, seeds.Select(seed => string.Join(' ', Draw(seed))).Distinct().Count());
    }

    private static int[] Draw(long? seed)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = zeros(1_000);
        var sampler = new ReferenceSampler(new SamplingSettings { Temperature = 1, Seed = seed }, []);
        return [.. Enumerable.Range(0, Draws).Select(_ => sampler.Next(logits))];
    }
}
