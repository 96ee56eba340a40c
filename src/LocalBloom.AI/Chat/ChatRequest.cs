using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>A chat request in the engine's terms, short of its prompt's token ids: for those the model must be loaded.</summary>
internal sealed record ChatRequest
{
    /// <summary>Gets the conversation, instructions included.</summary>
    public required IReadOnlyList<ChatMessage> Conversation { get; init; }

    /// <summary>Gets the whole conversation as a prompt.</summary>
    public required IReadOnlyList<PromptPart> Prompt { get; init; }

    /// <summary>Gets what makes a prompt of a part of the conversation, where the whole is too long.</summary>
    public required PromptTemplate Template { get; init; }

    /// <summary>Gets the most tokens to generate, at least 1.</summary>
    public required int MaxNewTokens { get; init; }

    /// <summary>Gets how tokens are chosen.</summary>
    public required SamplingSettings Sampling { get; init; }

    /// <summary>Gets a value indicating whether the caller asked for the tokens' log-probabilities.</summary>
    public bool TellsLikelihoods => Sampling.TopLogProbabilities is not null;

    /// <summary>Gets a value indicating whether the engine is asked for them: several replies are told apart by their probability.</summary>
    public bool IsScored => TellsLikelihoods || Sampling.ReplyCount > 1;

    /// <summary>Gets the texts at which the reply ends: the request's, then the template's.</summary>
    public required IReadOnlyList<string> StopSequences { get; init; }

    /// <summary>Gets how urgent the request is.</summary>
    public int Priority { get; init; }

    /// <summary>Gets how long the reply may take, if the request says.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Gets the names of what the caller gave and the reply does not depend on; they are logged.</summary>
    public required IReadOnlyCollection<string> Ignored { get; init; }

    /// <summary>Adds the prompt's token ids.</summary>
    public GenerationRequest WithPromptIds(IReadOnlyList<int> promptIds) => new()
    {
        PromptIds = promptIds,
        MaxNewTokens = MaxNewTokens,
        Sampling = IsScored ? Sampling with { TopLogProbabilities = Sampling.TopLogProbabilities ?? 0 } : Sampling,
        StopSequences = StopSequences,
        Priority = Priority,
        Timeout = Timeout,
    };
}
