using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>Reads how tokens are to be chosen from chat options.</summary>
internal static class SamplingOptions
{
    /// <summary>The key in <see cref="ChatOptions.AdditionalProperties"/> of the one setting that <see cref="ChatOptions"/> lacks.</summary>
    public const string RepetitionPenaltyKey = "repetition_penalty";

    /// <summary>Reads and checks the settings.</summary>
    /// <param name="options">The request's options; <see langword="null"/> means greedy.</param>
    /// <param name="client">What <see cref="ChatOptions.RawRepresentationFactory"/> is called with.</param>
    /// <param name="ignored">Receives the keys of additional properties that mean nothing here.</param>
    /// <exception cref="ArgumentException">A value is out of range or no number.</exception>
    /// <exception cref="NotSupportedException">The raw representation is of an unknown type.</exception>
    public static SamplingSettings Read(ChatOptions? options, IChatClient client, ISet<string> ignored)
    {
        if (options is null)
        {
            return SamplingSettings.Greedy;
        }

        float? repetitionPenalty = ReadAdditionalProperties(options.AdditionalProperties, ignored);
        SamplingSettings settings = options.RawRepresentationFactory?.Invoke(client) switch
        {
            null => FromOptions(options, repetitionPenalty),
            SamplingSettings raw => Replacing(options, raw, repetitionPenalty, ignored),
            object other => throw new NotSupportedException(
                $"ChatOptions.RawRepresentationFactory returned {other.GetType()}, which is not supported. " +
                $"Return {nameof(SamplingSettings)} or null."),
        };

        Check(settings);
        return settings;
    }

    // The caller's own settings are complete; what they replace is said, so that nobody wonders.
    private static SamplingSettings Replacing(ChatOptions options, SamplingSettings raw, float? repetitionPenalty, ISet<string> ignored)
    {
        (string Name, object? Value)[] replaced =
        [
            (nameof(options.Temperature), options.Temperature),
            (nameof(options.TopK), options.TopK),
            (nameof(options.TopP), options.TopP),
            (nameof(options.FrequencyPenalty), options.FrequencyPenalty),
            (nameof(options.PresencePenalty), options.PresencePenalty),
            (RepetitionPenaltyKey, repetitionPenalty),
        ];
        ignored.UnionWith(replaced.Where(option => option.Value is not null).Select(option => $"{option.Name} (RawRepresentationFactory gives it)"));
        return raw with { Seed = raw.Seed ?? options.Seed };
    }

    private static SamplingSettings FromOptions(ChatOptions options, float? repetitionPenalty)
    {
        var defaults = SamplingSettings.Greedy;
        bool isSampling = options.TopP is not null || options.TopK is not null;
        return new SamplingSettings
        {
            // Greedy is what makes short answers reliable, but who narrows a distribution wants to draw from it.
            Temperature = options.Temperature ?? (isSampling ? 1 : defaults.Temperature),
            TopK = options.TopK ?? defaults.TopK,
            TopP = options.TopP ?? defaults.TopP,
            RepetitionPenalty = repetitionPenalty ?? defaults.RepetitionPenalty,
            FrequencyPenalty = options.FrequencyPenalty ?? defaults.FrequencyPenalty,
            PresencePenalty = options.PresencePenalty ?? defaults.PresencePenalty,
            Seed = options.Seed,
        };
    }

    private static void Check(SamplingSettings s)
    {
        OptionValue.Require(float.IsFinite(s.Temperature) && s.Temperature >= 0, nameof(s.Temperature), s.Temperature, "finite and 0 or more");
        OptionValue.Require(s.TopK >= 0, nameof(s.TopK), s.TopK, "1 or more, or 0 to keep all tokens");
        OptionValue.Require(s.TopP is > 0 and <= 1, nameof(s.TopP), s.TopP, "above 0 and at most 1");
        OptionValue.Require(s.FrequencyPenalty is >= -2 and <= 2, nameof(s.FrequencyPenalty), s.FrequencyPenalty, "from -2 to 2");
        OptionValue.Require(s.PresencePenalty is >= -2 and <= 2, nameof(s.PresencePenalty), s.PresencePenalty, "from -2 to 2");
        OptionValue.Require(
            float.IsFinite(s.RepetitionPenalty) && s.RepetitionPenalty > 0,
            RepetitionPenaltyKey,
            s.RepetitionPenalty,
            "finite and above 0; 1 is none");
    }

    private static float? ReadAdditionalProperties(AdditionalPropertiesDictionary? properties, ISet<string> ignored)
    {
        float? repetitionPenalty = null;
        foreach ((string key, object? value) in properties ?? [])
        {
            if (key.Equals(RepetitionPenaltyKey, StringComparison.OrdinalIgnoreCase))
            {
                repetitionPenalty = ReadNumber(key, value);
            }
            else
            {
                ignored.Add($"AdditionalProperties[{key}]");
            }
        }

        return repetitionPenalty;
    }

    // Settings that passed through JSON or Semantic Kernel arrive as double, JsonElement or text.
    private static float? ReadNumber(string key, object? value) => value switch
    {
        null => null,
        float number => number,
        double number => (float)number,
        decimal number => (float)number,
        int number => number,
        long number => number,
        JsonElement { ValueKind: JsonValueKind.Null } => null,
        JsonElement { ValueKind: JsonValueKind.Number } json => json.GetSingle(),
        JsonElement { ValueKind: JsonValueKind.String } json => ReadNumber(key, json.GetString()),
        string text when float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) => number,
        _ => throw new ArgumentException($"ChatOptions.AdditionalProperties[{key}] is '{value}' ({value.GetType().Name}), which is no number.", key),
    };
}
