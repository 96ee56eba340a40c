namespace LocalBloom.AI.Sampling;

/// <summary>The random numbers of one reply: where in each token's distribution it is taken.</summary>
internal static class RandomPoints
{
    /// <summary>Makes a source of numbers.</summary>
    /// <param name="seed">Equal seeds give equal numbers; null gives others each time.</param>
    /// <param name="reply">Which of a request's replies it is for: each has numbers of its own.</param>
    public static Random Create(long? seed, int reply) =>
        seed is { } given ? new Random(Scramble(unchecked((ulong)given + (0xD1342543DE82EF95 * (ulong)reply)))) : new Random();

    // Random takes 31 bits and forgets the sign: SplitMix64's finalizer makes all 64 count, so that no two likely seeds meet.
    private static int Scramble(ulong seed)
    {
        ulong bits = unchecked(seed + 0x9E3779B97F4A7C15);
        bits = unchecked((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9);
        bits = unchecked((bits ^ (bits >> 27)) * 0x94D049BB133111EB);
        return (int)(bits >> 33);
    }
}
