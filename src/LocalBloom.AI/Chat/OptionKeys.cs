namespace LocalBloom.AI.Chat;

/// <summary>Keys of additional properties: of a request's options, and of a response.</summary>
internal static class OptionKeys
{
    public const string RepetitionPenalty = "repetition_penalty";
    public const string MinTokens = "min_tokens";
    public const string LogitBias = "logit_bias";
    public const string LogProbabilities = "logprobs"; // of a response, too
    public const string TopLogProbabilities = "top_logprobs";
    public const string ReplyCount = "n";
    public const string BeamCount = "num_beams";
    public const string LengthPenalty = "length_penalty";
    public const string Priority = "priority";
    public const string TimeoutSeconds = "timeout_seconds";

    /// <summary>A response's replies, best first.</summary>
    public const string Replies = "replies";

    /// <summary>How many messages were left out of a response's prompt.</summary>
    public const string DroppedMessages = "dropped_messages";

    /// <summary>Gets the keys that options may have.</summary>
    public static IReadOnlyList<string> OfOptions { get; } =
    [
        RepetitionPenalty, MinTokens, LogitBias, LogProbabilities, TopLogProbabilities, ReplyCount, BeamCount, LengthPenalty, Priority, TimeoutSeconds,
    ];
}
