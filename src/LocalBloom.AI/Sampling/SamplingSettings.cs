using System.Collections.ObjectModel;

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

    /// <summary>Gets the factor by which positive logits of tokens seen in prompt or reply are divided and negative ones multiplied, [0.001 … 1000]; 1 is none.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Gets what a token's logit loses for each time that it stands in the reply.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Gets what a token's logit loses once it stands in the reply.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Gets the seed of the random numbers: the same seed gives the same text. <see langword="null"/> takes a new one each time.</summary>
    public long? Seed { get; init; }

    /// <summary>Gets what is added to the logits of tokens, by token id, for at most 1,024 tokens: −100 all but forbids a token, 100 all but forces it.</summary>
    public IReadOnlyDictionary<int, float> LogitBias { get; init; } = ReadOnlyDictionary<int, float>.Empty;

    /// <summary>Gets how many tokens a reply has before an end-of-sequence token may end it, 0 or more. Stop sequences end it at any time.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>Gets how many of the most probable tokens are reported beside each chosen one, [0 … 20]; 0 reports the chosen alone, <see langword="null"/> nothing.</summary>
    /// <remarks>Of the distribution at temperature 1 with penalties and <see cref="LogitBias"/>, before top-k and top-p.</remarks>
    public int? TopLogProbabilities { get; init; }

    /// <summary>Gets how many replies are made of one prompt, [1 … 16]; the prompt is computed once.</summary>
    public int ReplyCount { get; init; } = 1;

    /// <summary>Gets how many replies beam search follows at once, [1 … 16]; 1 is no beam search.</summary>
    /// <remarks>More than 1 needs a temperature of 0 and no penalties, at least <see cref="ReplyCount"/> beams, and gives the replies at its end, best first.</remarks>
    public int BeamCount { get; init; } = 1;

    /// <summary>Gets the power of a reply's length by which beam search divides the sum of its log-probabilities: above 0 favours long replies.</summary>
    public float LengthPenalty { get; init; } = 1;
}
