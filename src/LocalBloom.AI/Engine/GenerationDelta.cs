using Microsoft.Extensions.AI;

namespace LocalBloom.AI;

/// <summary>What one generated token adds to a reply.</summary>
/// <param name="TokenId">The token, an end-of-sequence token included.</param>
/// <param name="Text">The text that became certain: empty while a character or a possible stop sequence is incomplete.</param>
/// <param name="FinishReason">Set on a reply's last delta: <see cref="ChatFinishReason.Stop"/> or <see cref="ChatFinishReason.Length"/>.</param>
public readonly record struct GenerationDelta(int TokenId, string Text, ChatFinishReason? FinishReason)
{
    /// <summary>Gets the reply that the token belongs to, [0 … <see cref="SamplingSettings.ReplyCount"/> − 1].</summary>
    public int Reply { get; init; }

    /// <summary>Gets the token's log-probability; <see langword="null"/> where <see cref="SamplingSettings.TopLogProbabilities"/> asks for none.</summary>
    public float? LogProbability { get; init; }

    /// <summary>Gets the most probable tokens, best first; <see langword="null"/> where none were asked for.</summary>
    public IReadOnlyList<TokenLogProbability>? TopLogProbabilities { get; init; }
}
