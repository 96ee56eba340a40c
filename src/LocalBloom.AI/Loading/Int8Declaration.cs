using System.Text.Json;
using System.Text.Json.Nodes;
using LocalBloom.AI.Weights;

namespace LocalBloom.AI.Loading;

/// <summary>What <c>config.json</c> says of int8 matrices: its part <c>quantization_config</c>.</summary>
internal static class Int8Declaration
{
    /// <summary>The part's name.</summary>
    public const string Section = "quantization_config";

    /// <summary>What a scale's name adds to that of its matrix.</summary>
    public const string ScaleSuffix = "_scale";

    private const string Method = "quant_method";
    private const string OurMethod = "localbloom";
    private const string Bits = "bits";
    private const string Scheme = "scheme";
    private const string OurScheme = "absmax_per_row";
    private const string Skips = "modules_to_not_convert";

    /// <summary>Reads the part.</summary>
    /// <returns><see langword="null"/> where there is none.</returns>
    /// <exception cref="CheckpointException">It is another tool's, or broken.</exception>
    public static Int8Settings? Read(JsonFields fields)
    {
        if (!fields.Has(Section))
        {
            return null;
        }

        JsonElement element = fields.Root.GetProperty(Section);
        if (element.ValueKind is not JsonValueKind.Object)
        {
            throw new CheckpointException(fields.Path, $"{Section} is a JSON {element.ValueKind}; expected an object.");
        }

        var section = new JsonFields(fields.Path, element);
        if (section.Text(Method) is var method && method != OurMethod)
        {
            throw new CheckpointException(
                fields.Path,
                $"the weights are quantized by {(method is null ? $"a tool that it does not name ({Section}.{Method})" : ErrorText.Name(method))}, which cannot be read. " +
                "Use the original checkpoint, with WeightFormat Int8 where memory is short.");
        }

        if (section.RequiredWhole(Bits) is var bits && bits != 8)
        {
            throw new CheckpointException(fields.Path, $"{Section}.{Bits} is {bits}; expected 8.");
        }

        if (section.Text(Scheme) is { } scheme && scheme != OurScheme)
        {
            throw new CheckpointException(fields.Path, $"{Section}.{Scheme} is {ErrorText.Name(scheme)}; expected '{OurScheme}', which is what is meant where none is named.");
        }

        IReadOnlyList<string> skips = section.Texts(Skips);
        return skips.FirstOrDefault(module => !Int8Settings.KnownModules.Contains(module)) is { } unknown
            ? throw new CheckpointException(
                fields.Path, $"{Section}.{Skips} has {ErrorText.Name(unknown)}; expected some of {string.Join(", ", Int8Settings.KnownModules)}.")
            : new Int8Settings(BloomInt8Scheme.WeightOnly, Int8Settings.DefaultThreshold, skips);
    }

    /// <summary>Writes the part.</summary>
    public static JsonObject Write(Int8Settings settings) => new()
    {
        [Method] = OurMethod,
        [Bits] = 8,
        [Scheme] = OurScheme,
        [Skips] = new JsonArray([.. settings.SkipModules.Select(module => JsonValue.Create(module))]),
    };
}
