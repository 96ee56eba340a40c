namespace LocalBloom.AI.Engine;

/// <summary>Tokens that are continued, and the part of the cache that they have. Belongs to the engine thread.</summary>
internal sealed class Sequence
{
    /// <summary>Initializes a new instance of the <see cref="Sequence"/> class.</summary>
    /// <param name="generation">The request that it belongs to.</param>
    /// <param name="prompt">Its first tokens.</param>
    public Sequence(Generation generation, IEnumerable<int> prompt)
    {
        Generation = generation;
        Tokens = [.. prompt];
        PromptLength = Tokens.Count;
    }

    private Sequence(Sequence parent)
    {
        Generation = parent.Generation;
        Tokens = [.. parent.Tokens];
        PromptLength = parent.PromptLength;
        Computed = parent.Computed;
        Blocks = [.. parent.Blocks];
    }

    /// <summary>Gets the request that it belongs to.</summary>
    public Generation Generation { get; }

    /// <summary>Gets prompt and reply.</summary>
    public List<int> Tokens { get; }

    /// <summary>Gets how many tokens are the prompt.</summary>
    public int PromptLength { get; }

    /// <summary>Gets or sets how many tokens have their keys and values in the cache.</summary>
    public int Computed { get; set; }

    /// <summary>Gets how many tokens are to be computed before the next can be chosen.</summary>
    public int Pending => Tokens.Count - Computed;

    /// <summary>Gets how many tokens were generated.</summary>
    public int NewTokens => Tokens.Count - PromptLength;

    /// <summary>Gets the cache blocks, in the order of the tokens.</summary>
    public List<int> Blocks { get; } = [];

    /// <summary>Makes a sequence that goes on from the same tokens and shares their blocks.</summary>
    public Sequence Fork(CacheBlockPool pool)
    {
        Blocks.ForEach(pool.Share);
        return new Sequence(this);
    }

    /// <summary>Gives the blocks back; the tokens stay, to be computed again.</summary>
    public void Release(CacheBlockPool pool)
    {
        Blocks.ForEach(pool.Release);
        Blocks.Clear();
        Computed = 0;
    }
}
