using Microsoft.Extensions.AI;

namespace LocalBloom.AI;

/// <summary>What one generated token adds to a reply.</summary>
/// <param name="TokenId">The token, an end-of-sequence token included.</param>
/// <param name="Text">The text that became certain: empty while a character or a possible stop sequence is incomplete.</param>
/// <param name="FinishReason">Set on the last delta: <see cref="ChatFinishReason.Stop"/> or <see cref="ChatFinishReason.Length"/>.</param>
public readonly record struct GenerationDelta(int TokenId, string Text, ChatFinishReason? FinishReason);
