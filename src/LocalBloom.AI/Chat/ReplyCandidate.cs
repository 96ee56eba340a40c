using Microsoft.Extensions.AI;

namespace LocalBloom.AI;

/// <summary>One of several replies to a request: an element of the list under <c>replies</c> in a response's additional properties.</summary>
/// <param name="Text">The reply.</param>
/// <param name="FinishReason">Why it ended.</param>
/// <param name="LogProbability">The sum of its tokens' log-probabilities: the natural logarithm of its probability.</param>
/// <param name="Tokens">How many tokens were generated for it, an end-of-sequence token included.</param>
public sealed record ReplyCandidate(string Text, ChatFinishReason FinishReason, double LogProbability, int Tokens);
