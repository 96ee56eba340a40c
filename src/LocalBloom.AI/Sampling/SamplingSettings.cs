namespace LocalBloom.AI;

/// <summary>How the next token is chosen from the model's logits, in transformers' order: penalties, temperature, top-k, top-p.</summary>
public sealed record SamplingSettings
{
    /// <summary>Gets the settings that always take the most probable token.</summary>
    public static SamplingSettings Greedy { get; } = new();

    /// <summary>Gets what logits are divided by, 0 or more; 0 takes the most probable token.</summary>
    public float Temperature { get; init; }

    /// <summary>Gets how many of the most probable tokens are kept; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Gets the probability mass of the most probable tokens that are kept, in (0, 1]; 1 keeps all.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Gets the factor by which positive logits of tokens seen in prompt or reply are divided and negative ones multiplied; above 0, 1 is none.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Gets what a token's logit loses for each time that it stands in the reply.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Gets what a token's logit loses once it stands in the reply.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Gets the seed of the random numbers: the same seed gives the same text. <see langword="null"/> takes a new one each time.</summary>
    public long? Seed { get; init; }
}
