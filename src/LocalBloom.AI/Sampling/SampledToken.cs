namespace LocalBloom.AI.Sampling;

/// <summary>A chosen token.</summary>
/// <param name="Id">The token.</param>
/// <param name="IsFinite">Whether the logits were numbers; otherwise the rest means nothing.</param>
/// <param name="LogProbability">Its log-probability, where asked for.</param>
/// <param name="Top">The most probable tokens, best first, where asked for.</param>
internal readonly record struct SampledToken(int Id, bool IsFinite, float? LogProbability, IReadOnlyList<TokenLogProbability>? Top);
