namespace LocalBloom.AI.Sampling;

/// <summary>A token to be chosen from one row of logits.</summary>
/// <param name="Row">The row; several requests may ask for the same.</param>
/// <param name="Settings">How it is chosen.</param>
/// <param name="Tokens">Prompt and reply so far, for penalties; not kept.</param>
/// <param name="PromptLength">How many of them are the prompt.</param>
/// <param name="Banned">Tokens that must not come.</param>
/// <param name="Point">A random number in [0, 1), which says where in the distribution the token is; not used at a temperature of 0.</param>
internal readonly record struct SampleRequest(
    int Row, SamplingSettings Settings, IReadOnlyList<int> Tokens, int PromptLength, IReadOnlyList<int> Banned, double Point);
