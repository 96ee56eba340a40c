using System.Globalization;
using LocalBloom.AI.Engine;

namespace LocalBloom.AI.Chat;

/// <summary>Says by the names of chat options which sampling settings are out of range or contradict each other.</summary>
internal static class SamplingRanges
{
    private const int MostReplies = 16;
    private const int MostTopLogProbabilities = 20;
    private const float MostBias = 100;

    /// <summary>Throws unless the settings can be honoured together.</summary>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    /// <exception cref="NotSupportedException">Beam search was asked for with what it cannot be combined with.</exception>
    public static void Check(SamplingSettings s)
    {
        OptionValue.Require(float.IsFinite(s.Temperature) && s.Temperature >= 0, nameof(s.Temperature), s.Temperature, "finite and 0 or more");
        OptionValue.Require(s.TopK >= 0, nameof(s.TopK), s.TopK, "1 or more, or 0 to keep all tokens");
        OptionValue.Require(s.TopP is > 0 and <= 1, nameof(s.TopP), s.TopP, "above 0 and at most 1");
        OptionValue.Require(s.FrequencyPenalty is >= -2 and <= 2, nameof(s.FrequencyPenalty), s.FrequencyPenalty, "from -2 to 2");
        OptionValue.Require(s.PresencePenalty is >= -2 and <= 2, nameof(s.PresencePenalty), s.PresencePenalty, "from -2 to 2");
        OptionValue.Require(
            s.RepetitionPenalty is >= RequestBounds.MinRepetitionPenalty and <= RequestBounds.MaxRepetitionPenalty,
            OptionKeys.RepetitionPenalty,
            s.RepetitionPenalty,
            string.Create(CultureInfo.InvariantCulture, $"from {RequestBounds.MinRepetitionPenalty} to {RequestBounds.MaxRepetitionPenalty}; 1 is none"));
        OptionValue.Require(s.MinNewTokens >= 0, OptionKeys.MinTokens, s.MinNewTokens, "0 or more");
        OptionValue.Require(
            s.TopLogProbabilities is null or (>= 0 and <= MostTopLogProbabilities),
            OptionKeys.TopLogProbabilities,
            s.TopLogProbabilities ?? 0,
            $"from 0 to {MostTopLogProbabilities}");
        OptionValue.Require(s.ReplyCount is >= 1 and <= MostReplies, OptionKeys.ReplyCount, s.ReplyCount, $"from 1 to {MostReplies}");
        OptionValue.Require(s.BeamCount is >= 1 and <= MostReplies, OptionKeys.BeamCount, s.BeamCount, $"from 1 to {MostReplies}");
        OptionValue.Require(float.IsFinite(s.LengthPenalty), OptionKeys.LengthPenalty, s.LengthPenalty, "finite");
        CheckBiases(s.LogitBias);
        if (s.BeamCount > 1)
        {
            CheckBeams(s);
        }
    }

    private static void CheckBiases(IReadOnlyDictionary<int, float>? biases)
    {
        if (biases is null)
        {
            throw new ArgumentException($"{nameof(SamplingSettings)}.{nameof(SamplingSettings.LogitBias)} is null. Leave it out to have none.");
        }

        OptionValue.Require(
            biases.Count <= RequestBounds.MaxLogitBiases,
            OptionKeys.LogitBias,
            $"{biases.Count} tokens",
            $"a dictionary of at most {RequestBounds.MaxLogitBiases} tokens");
        foreach ((int token, float bias) in biases)
        {
            OptionValue.Require(token >= 0, OptionKeys.LogitBias, token, "a dictionary of token ids, which are 0 or more");
            OptionValue.Require(
                bias is >= -MostBias and <= MostBias,
                OptionKeys.LogitBias,
                bias,
                string.Create(CultureInfo.InvariantCulture, $"from {-MostBias} to {MostBias} for each token, also for {token}"));
        }
    }

    private static void CheckBeams(SamplingSettings s)
    {
        OptionValue.Require(
            s.BeamCount >= s.ReplyCount, OptionKeys.BeamCount, s.BeamCount, $"at least {OptionKeys.ReplyCount}, which is {s.ReplyCount}, or left out");

        (string Name, bool IsSet)[] others =
        [
            (nameof(s.Temperature), s.Temperature > 0),
            (nameof(s.TopK), s.TopK > 0),
            (nameof(s.TopP), s.TopP < 1),
            (nameof(s.FrequencyPenalty), s.FrequencyPenalty != 0),
            (nameof(s.PresencePenalty), s.PresencePenalty != 0),
            (OptionKeys.RepetitionPenalty, s.RepetitionPenalty != 1),
        ];
        string[] inTheWay = [.. others.Where(other => other.IsSet).Select(other => other.Name)];
        if (inTheWay.Length > 0)
        {
            string names = string.Join(", ", inTheWay);
            throw new NotSupportedException(
                $"{OptionKeys.BeamCount} is {s.BeamCount}, but beam search with {names} is not supported: it looks for the most probable reply, " +
                $"without chance and penalties. Remove {names}, or {OptionKeys.BeamCount}.");
        }
    }
}
