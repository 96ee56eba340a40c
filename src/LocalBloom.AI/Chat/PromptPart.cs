namespace LocalBloom.AI;

/// <summary>A piece of a prompt: text as it stands, or a special token by name.</summary>
/// <param name="Value">The text, or the token's name such as <c>&lt;/s&gt;</c>.</param>
/// <param name="IsSpecialToken">Whether <paramref name="Value"/> names a special token. Text never becomes one.</param>
public readonly record struct PromptPart(string Value, bool IsSpecialToken = false);
