using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>Reads how tokens are to be chosen from chat options.</summary>
internal static class SamplingOptions
{
    /// <summary>Reads and checks the settings.</summary>
    /// <param name="options">The request's options; <see langword="null"/> means greedy.</param>
    /// <param name="additional">Its additional properties.</param>
    /// <param name="client">What <see cref="ChatOptions.RawRepresentationFactory"/> is called with.</param>
    /// <param name="ignored">Receives the names of options that have no effect.</param>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    /// <exception cref="NotSupportedException">The raw representation is of an unknown type, or options contradict each other.</exception>
    public static SamplingSettings Read(ChatOptions? options, AdditionalOptions additional, IChatClient client, ISet<string> ignored)
    {
        if (options is null)
        {
            return SamplingSettings.Greedy;
        }

        SamplingSettings settings = options.RawRepresentationFactory?.Invoke(client) switch
        {
            null => FromOptions(options, additional, ignored),
            SamplingSettings raw => Replacing(options, raw, additional, ignored),
            object other => throw new NotSupportedException(
                $"ChatOptions.RawRepresentationFactory returned {other.GetType()}, which is not supported. " +
                $"Return {nameof(SamplingSettings)} or null."),
        };

        SamplingRanges.Check(settings);
        return settings;
    }

    // The caller's own settings are complete; what they replace is said, so that nobody wonders.
    private static SamplingSettings Replacing(ChatOptions options, SamplingSettings raw, AdditionalOptions additional, ISet<string> ignored)
    {
        (string Name, object? Value)[] replaced =
        [
            (nameof(options.Temperature), options.Temperature),
            (nameof(options.TopK), options.TopK),
            (nameof(options.TopP), options.TopP),
            (nameof(options.FrequencyPenalty), options.FrequencyPenalty),
            (nameof(options.PresencePenalty), options.PresencePenalty),
            (OptionKeys.RepetitionPenalty, additional.RepetitionPenalty),
            (OptionKeys.MinTokens, additional.MinTokens),
            (OptionKeys.LogitBias, additional.LogitBias),
            (OptionKeys.LogProbabilities, additional.LogProbabilities),
            (OptionKeys.TopLogProbabilities, additional.TopLogProbabilities),
            (OptionKeys.ReplyCount, additional.ReplyCount),
            (OptionKeys.BeamCount, additional.BeamCount),
            (OptionKeys.LengthPenalty, additional.LengthPenalty),
        ];
        ignored.UnionWith(replaced.Where(option => option.Value is not null).Select(option => $"{option.Name} (RawRepresentationFactory gives it)"));
        return raw with
        {
            Seed = raw.Seed ?? options.Seed,
            LogitBias = raw.LogitBias is { Count: > 0 } biases ? biases.ToDictionary() : raw.LogitBias, // the caller may change its own
        };
    }

    private static SamplingSettings FromOptions(ChatOptions options, AdditionalOptions additional, ISet<string> ignored)
    {
        var defaults = SamplingSettings.Greedy;
        int beams = additional.BeamCount ?? defaults.BeamCount;
        if (additional.LengthPenalty is not null && beams == 1)
        {
            ignored.Add($"{OptionKeys.LengthPenalty} (it needs {OptionKeys.BeamCount} above 1)");
        }

        // Greedy is what makes short answers reliable, but who narrows a distribution wants to draw from it. Beams draw nothing.
        bool isSampling = beams == 1 && (options.TopP is not null || options.TopK is not null);
        return new SamplingSettings
        {
            Temperature = options.Temperature ?? (isSampling ? 1 : defaults.Temperature),
            TopK = options.TopK ?? defaults.TopK,
            TopP = options.TopP ?? defaults.TopP,
            RepetitionPenalty = additional.RepetitionPenalty ?? defaults.RepetitionPenalty,
            FrequencyPenalty = options.FrequencyPenalty ?? defaults.FrequencyPenalty,
            PresencePenalty = options.PresencePenalty ?? defaults.PresencePenalty,
            Seed = options.Seed,
            LogitBias = additional.LogitBias ?? defaults.LogitBias,
            MinNewTokens = additional.MinTokens ?? defaults.MinNewTokens,
            TopLogProbabilities = TopLogProbabilities(additional),
            ReplyCount = additional.ReplyCount ?? defaults.ReplyCount,
            BeamCount = beams,
            LengthPenalty = additional.LengthPenalty ?? defaults.LengthPenalty,
        };
    }

    private static int? TopLogProbabilities(AdditionalOptions additional) => additional switch
    {
        { LogProbabilities: false, TopLogProbabilities: not (null or 0) } => throw new ArgumentException(
            $"{OptionKeys.TopLogProbabilities} is {additional.TopLogProbabilities}, but {OptionKeys.LogProbabilities} is false. Leave one of them out."),
        { LogProbabilities: false } => null,
        { LogProbabilities: true } => additional.TopLogProbabilities ?? 0,
        _ => additional.TopLogProbabilities,
    };
}
