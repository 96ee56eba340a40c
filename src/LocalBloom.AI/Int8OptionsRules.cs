using LocalBloom.AI.Loading;
using LocalBloom.AI.Weights;
using Microsoft.Extensions.Options;

namespace LocalBloom.AI;

/// <summary>Rules for the options of int8 matrices.</summary>
internal static class Int8OptionsRules
{
    /// <summary>Adds what is wrong with them.</summary>
    public static void Check(BloomChatClientOptions options, ValidateOptionsResultBuilder errors)
    {
        CheckThreshold(options, errors);
        CheckModules(options.Int8SkipModules, errors);
        RequireInt8(options, errors);
    }

    private static void CheckThreshold(BloomChatClientOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.Int8Threshold is not { } threshold)
        {
            return;
        }

        if (!double.IsFinite(threshold) || threshold < 0)
        {
            errors.AddError(FormattableString.Invariant($"{threshold} is no magnitude. Use zero or more, 6 being the usual; zero keeps no outliers."), nameof(options.Int8Threshold));
        }

        if (options.Int8Scheme is not BloomInt8Scheme.LlmInt8)
        {
            errors.AddError($"It is only for LlmInt8, but Int8Scheme is {options.Int8Scheme}. Remove it, or set Int8Scheme to LlmInt8.", nameof(options.Int8Threshold));
        }
    }

    private static void CheckModules(IList<string>? modules, ValidateOptionsResultBuilder errors)
    {
        foreach (string module in (modules ?? []).Where(module => !Int8Settings.KnownModules.Contains(module)))
        {
            errors.AddError(
                $"{ErrorText.Name(module ?? "")} is no module with a matrix. Use {string.Join(", ", Int8Settings.KnownModules)}.", nameof(BloomChatClientOptions.Int8SkipModules));
        }
    }

    private static void RequireInt8(BloomChatClientOptions options, ValidateOptionsResultBuilder errors)
    {
        if (options.WeightFormat is BloomWeightFormat.Int8 || options.Strategy is BloomStrategy.Int8)
        {
            return;
        }

        foreach ((string property, bool isSet) in Given(options))
        {
            if (isSet)
            {
                errors.AddError("It is only for int8 matrices. Remove it, or set WeightFormat to Int8.", property);
            }
        }
    }

    private static IEnumerable<(string Property, bool IsSet)> Given(BloomChatClientOptions options) =>
    [
        (nameof(options.Int8Scheme), options.Int8Scheme is not BloomInt8Scheme.WeightOnly),
        (nameof(options.Int8Threshold), options.Int8Threshold is not null),
        (nameof(options.Int8SkipModules), options.Int8SkipModules is { Count: > 0 }),
    ];
}
