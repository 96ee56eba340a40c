namespace LocalBloom.AI.Chat;

/// <summary>A chat request in the engine's terms, short of its prompt's token ids: for those the model must be loaded.</summary>
internal sealed record ChatRequest
{
    /// <summary>Gets the rendered prompt.</summary>
    public required IReadOnlyList<PromptPart> Prompt { get; init; }

    /// <summary>Gets a value indicating whether white space at the reply's start is left out.</summary>
    public bool TrimsReplyStart { get; init; }

    /// <summary>Gets the most tokens to generate, at least 1.</summary>
    public required int MaxNewTokens { get; init; }

    /// <summary>Gets how tokens are chosen.</summary>
    public required SamplingSettings Sampling { get; init; }

    /// <summary>Gets the texts at which the reply ends: the request's, then the template's.</summary>
    public required IReadOnlyList<string> StopSequences { get; init; }

    /// <summary>Gets the names of what the caller gave and the reply does not depend on; they are logged.</summary>
    public required IReadOnlyCollection<string> Ignored { get; init; }

    /// <summary>Adds the prompt's token ids.</summary>
    public GenerationRequest WithPromptIds(IReadOnlyList<int> promptIds) =>
        new() { PromptIds = promptIds, MaxNewTokens = MaxNewTokens, Sampling = Sampling, StopSequences = StopSequences };
}
