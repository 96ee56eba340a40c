namespace LocalBloom.AI.Text;

/// <summary>Two neighbouring tokens by id.</summary>
internal readonly record struct TokenPair(int Left, int Right)
{
    // The generated hash is seeded and several times slower; a pair is looked up for every byte of a prompt. The factor is 2³²/φ.
    public override int GetHashCode() => unchecked((Left * (int)0x9E3779B1) ^ Right);
}
