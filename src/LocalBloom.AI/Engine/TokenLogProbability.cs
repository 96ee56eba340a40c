namespace LocalBloom.AI;

/// <summary>A token and how probable the model found it.</summary>
/// <param name="TokenId">The token.</param>
/// <param name="LogProbability">The natural logarithm of its probability, at most 0.</param>
public readonly record struct TokenLogProbability(int TokenId, float LogProbability);
