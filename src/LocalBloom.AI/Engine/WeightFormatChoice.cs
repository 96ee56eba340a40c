using LocalBloom.AI.Model;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Engine;

/// <summary>Decides from options and checkpoint how tensors are kept.</summary>
internal static class WeightFormatChoice
{
    /// <summary>Decides how a model's tensors are kept.</summary>
    /// <param name="options">Validated options.</param>
    /// <param name="config">The model, and which of its matrices are stored as int8.</param>
    /// <param name="storedType">In which number type the checkpoint has what is not int8.</param>
    /// <exception cref="PlacementException">Other matrices are to be int8 than those that are stored so.</exception>
    public static WeightFormat Choose(BloomChatClientOptions options, BloomConfig config, ScalarType storedType)
    {
        var format = new WeightFormat(TypeFor(options, storedType), IsInt8(options, config));
        return format.IsInt8
            ? format with { Int8 = new(options.Int8Scheme, options.Int8Threshold ?? Int8Settings.DefaultThreshold, SkipsFor(options, config)) }
            : format;
    }

    private static bool IsInt8(BloomChatClientOptions options, BloomConfig config) => options.WeightFormat switch
    {
        BloomWeightFormat.Int8 => true,
        BloomWeightFormat.Dense => false,
        _ => options.Strategy is BloomStrategy.Int8 || config.Int8 is not null,
    };

    private static IReadOnlyList<string> SkipsFor(BloomChatClientOptions options, BloomConfig config)
    {
        if (config.Int8 is not { } stored)
        {
            IReadOnlyList<string> skips = options.Int8SkipModules is { } given ? [.. given] : Int8Settings.DefaultSkips(options.Int8Scheme);
            return new Int8Settings(options.Int8Scheme, 0, skips).For(config).SkipModules;
        }

        return options.Int8SkipModules is not { } wanted || new Int8Settings(options.Int8Scheme, 0, [.. wanted]).For(config).SkipModules.ToHashSet().SetEquals(stored.SkipModules)
            ? stored.SkipModules
            : throw new PlacementException(
                $"Int8SkipModules is [{string.Join(", ", wanted)}], but the checkpoint's matrices are int8 already, " +
                $"{(stored.SkipModules.Count == 0 ? "all of them" : $"but for {string.Join(", ", stored.SkipModules)}")}. Remove Int8SkipModules, or name the original checkpoint.");
    }

    private static ScalarType TypeFor(BloomChatClientOptions options, ScalarType storedType) => options.NumberType switch
    {
        BloomNumberType.Float32 => ScalarType.Float32,
        BloomNumberType.Float16 => ScalarType.Float16,
        BloomNumberType.BFloat16 => ScalarType.BFloat16,
        _ => storedType,
    };
}
