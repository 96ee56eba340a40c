namespace LocalBloom.AI;

/// <summary>One sequence to generate: the engine's own terms, below chat messages and templates.</summary>
public sealed record GenerationRequest
{
    /// <summary>Gets the prompt's token ids, [1 … context − 1].</summary>
    public required IReadOnlyList<int> PromptIds { get; init; }

    /// <summary>Gets the most tokens to generate, at least 1.</summary>
    /// <value>Fewer come where the context ends first; the last delta then says <see cref="Microsoft.Extensions.AI.ChatFinishReason.Length"/>.</value>
    public required int MaxNewTokens { get; init; }

    /// <summary>Gets how tokens are chosen.</summary>
    public SamplingSettings Sampling { get; init; } = SamplingSettings.Greedy;

    /// <summary>Gets the texts at which generation ends; they are not part of the reply. At most 64, of 1 to 1,024 characters each.</summary>
    public IReadOnlyList<string> StopSequences { get; init; } = [];

    /// <summary>Gets a value indicating whether end-of-sequence tokens are treated as any other, as a benchmark of a fixed length needs.</summary>
    public bool IgnoreEndOfSequence { get; init; }

    /// <summary>Gets how urgent the request is: of those that wait, the highest goes first, and of equals the oldest.</summary>
    public int Priority { get; init; }

    /// <summary>Gets how long the reply may take, waiting included, once the model is loaded; above zero.</summary>
    /// <value><see langword="null"/> by default: <see cref="BloomChatClientOptions.RequestTimeout"/>.</value>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Copies the request and all that it holds, so that later changes reach nothing that runs.</summary>
    internal GenerationRequest Copy() => this with
    {
        PromptIds = [.. PromptIds ?? []],
        StopSequences = StopSequences is null ? null! : [.. StopSequences], // the validator refuses what is null, by name
        Sampling = Sampling?.LogitBias is { Count: > 0 } bias ? Sampling with { LogitBias = new Dictionary<int, float>(bias) } : Sampling!,
    };
}
