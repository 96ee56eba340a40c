using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LocalBloom.AI.Chat;

/// <summary>Reads values of additional properties. Those that passed through JSON or Semantic Kernel arrive as double, JSON or text.</summary>
internal static class PropertyValue
{
    /// <summary>Reads a number.</summary>
    /// <returns><see langword="null"/> where the value is, or is JSON's null.</returns>
    /// <exception cref="ArgumentException">It is no number; the message names key and value.</exception>
    public static double? ReadNumber(string key, object? value) => value switch
    {
        null or JsonElement { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => null,
        JsonElement { ValueKind: JsonValueKind.Number } json => json.GetDouble(),
        JsonElement { ValueKind: JsonValueKind.String } json => ReadNumber(key, json.GetString()),
        JsonNode node => ReadNumber(key, JsonSerializer.SerializeToElement(node)),
        string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) => number,
        Half number => (double)number,
        not Enum and IConvertible number when number.GetTypeCode() is >= TypeCode.SByte and <= TypeCode.Decimal => number.ToDouble(CultureInfo.InvariantCulture),
        _ => throw Wrong(key, value, "a number"),
    };

    /// <summary>Reads a number that must be whole.</summary>
    /// <inheritdoc cref="ReadNumber"/>
    public static int? ReadInteger(string key, object? value)
    {
        double? number = ReadNumber(key, value);
        return number is double given && (given != Math.Truncate(given) || given is < int.MinValue or > int.MaxValue)
            ? throw Wrong(key, value, $"a whole number from {int.MinValue} to {int.MaxValue}")
            : (int?)number;
    }

    /// <summary>Reads a truth value.</summary>
    /// <inheritdoc cref="ReadNumber"/>
    public static bool? ReadBoolean(string key, object? value) => value switch
    {
        null or JsonElement { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => null,
        bool given => given,
        JsonElement { ValueKind: JsonValueKind.True } => true,
        JsonElement { ValueKind: JsonValueKind.False } => false,
        JsonElement { ValueKind: JsonValueKind.String } json => ReadBoolean(key, json.GetString()),
        JsonNode node => ReadBoolean(key, JsonSerializer.SerializeToElement(node)),
        string text when bool.TryParse(text, out bool given) => given,
        _ => throw Wrong(key, value, "true or false"),
    };

    /// <summary>Makes the error for a value that is not of its key's kind.</summary>
    public static ArgumentException Wrong(string key, object? value, string expected) => new(
        string.Create(
            CultureInfo.InvariantCulture, $"ChatOptions.AdditionalProperties[{key}] is '{value}' ({value?.GetType().Name ?? "null"}), but must be {expected}."),
        key);
}
