using System.Text.Json;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>What a request's additional properties ask for. What is <see langword="null"/> was not given.</summary>
internal sealed record AdditionalOptions
{
    // The most that timers wait.
    private const int MaxTimeoutSeconds = int.MaxValue / 1000;

    // Members that Semantic Kernel and others name so; what they cannot read as a member's type arrives here, and would be lost without a word.
    private static readonly (string Key, string Expected)[] s_members =
    [
        ("max_tokens", "a whole number, as ChatOptions.MaxOutputTokens"),
        ("temperature", "a number, as ChatOptions.Temperature"),
        ("top_p", "a number, as ChatOptions.TopP"),
        ("top_k", "a whole number, as ChatOptions.TopK"),
        ("seed", "a whole number, as ChatOptions.Seed"),
        ("stop_sequences", "a list of texts, as ChatOptions.StopSequences"),
        ("frequency_penalty", "a number, as ChatOptions.FrequencyPenalty"),
        ("presence_penalty", "a number, as ChatOptions.PresencePenalty"),
    ];

    public float? RepetitionPenalty { get; init; }

    public int? MinTokens { get; init; }

    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    public bool? LogProbabilities { get; init; }

    public int? TopLogProbabilities { get; init; }

    public int? ReplyCount { get; init; }

    public int? BeamCount { get; init; }

    public float? LengthPenalty { get; init; }

    public int? Priority { get; init; }

    public TimeSpan? Timeout { get; init; }

    /// <summary>Reads the properties.</summary>
    /// <param name="properties">The caller's; keys are compared without case.</param>
    /// <param name="ignored">Receives the keys that mean nothing here.</param>
    /// <exception cref="ArgumentException">A value is not of its key's kind; the message names both.</exception>
    public static AdditionalOptions Read(AdditionalPropertiesDictionary? properties, ISet<string> ignored)
    {
        if (properties is null)
        {
            return new AdditionalOptions();
        }

        foreach ((string key, string expected) in s_members)
        {
            if (Find(key) is not (null or JsonElement { ValueKind: JsonValueKind.Null }) and { } value)
            {
                throw PropertyValue.Wrong(key, value, expected);
            }
        }

        ignored.UnionWith(
            properties.Keys.Where(key => !OptionKeys.OfOptions.Concat(s_members.Select(member => member.Key)).Contains(key, StringComparer.OrdinalIgnoreCase))
                .Select(key => $"AdditionalProperties[{key}]"));
        return new AdditionalOptions
        {
            RepetitionPenalty = (float?)Number(OptionKeys.RepetitionPenalty),
            MinTokens = Integer(OptionKeys.MinTokens),
            LogitBias = LogitBiasValue.Read(OptionKeys.LogitBias, Find(OptionKeys.LogitBias)),
            LogProbabilities = PropertyValue.ReadBoolean(OptionKeys.LogProbabilities, Find(OptionKeys.LogProbabilities)),
            TopLogProbabilities = Integer(OptionKeys.TopLogProbabilities),
            ReplyCount = Integer(OptionKeys.ReplyCount),
            BeamCount = Integer(OptionKeys.BeamCount),
            LengthPenalty = (float?)Number(OptionKeys.LengthPenalty),
            Priority = Integer(OptionKeys.Priority),
            Timeout = ToTimeout(Number(OptionKeys.TimeoutSeconds)),
        };

        object? Find(string key) => properties.TryGetValue(key, out object? value) ? value : null;
        double? Number(string key) => PropertyValue.ReadNumber(key, Find(key));
        int? Integer(string key) => PropertyValue.ReadInteger(key, Find(key));
    }

    private static TimeSpan? ToTimeout(double? seconds)
    {
        if (seconds is not double given)
        {
            return null;
        }

        OptionValue.Require(
            given is > 0 and <= MaxTimeoutSeconds,
            OptionKeys.TimeoutSeconds,
            given,
            $"above 0 and at most {MaxTimeoutSeconds}; leave it out to wait as long as it takes");
        return TimeSpan.FromTicks((long)Math.Ceiling(given * TimeSpan.TicksPerSecond)); // never zero
    }
}
