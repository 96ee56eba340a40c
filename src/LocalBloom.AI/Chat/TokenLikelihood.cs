namespace LocalBloom.AI;

/// <summary>A token of a reply and how probable the model found it: an element of the lists under <c>logprobs</c> in a response's additional properties.</summary>
/// <remarks>Of which distribution, <see cref="SamplingSettings.TopLogProbabilities"/> says.</remarks>
public sealed record TokenLikelihood
{
    /// <summary>Gets the token.</summary>
    public required int TokenId { get; init; }

    /// <summary>Gets the token's text: empty for special tokens, with replacement characters where the token is a part of a character.</summary>
    public required string Text { get; init; }

    /// <summary>Gets the token's bytes in UTF-8, possibly a part of a character.</summary>
    public required ReadOnlyMemory<byte> Bytes { get; init; }

    /// <summary>Gets the natural logarithm of the token's probability, at most 0.</summary>
    public required float LogProbability { get; init; }

    /// <summary>Gets the most probable tokens in its place, best first: as many as <c>top_logprobs</c> asks for. Theirs are empty.</summary>
    public IReadOnlyList<TokenLikelihood> Top { get; init; } = [];
}
