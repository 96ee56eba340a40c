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
        JsonElement { ValueKind: JsonValueKind.String } json => ReadNumber(key, ReadText(key, json, "a number")),
        JsonValue node => ReadNumber(key, ElementOf(node)),
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
        JsonElement { ValueKind: JsonValueKind.String } json => ReadBoolean(key, ReadText(key, json, "true or false")),
        JsonValue node => ReadBoolean(key, ElementOf(node)),
        string text when bool.TryParse(text, out bool given) => given,
        _ => throw Wrong(key, value, "true or false"),
    };

    /// <summary>Makes the error for a value that is not of its key's kind.</summary>
    public static ArgumentException Wrong(string key, object? value, string expected)
    {
        object? shown = value switch // JSON as it stands: it can spell half a surrogate pair, of which no text can be made
        {
            JsonElement { ValueKind: JsonValueKind.String } json => json.GetRawText(),
            JsonValue node => ElementOf(node).GetRawText(),
            JsonNode node => node.GetValueKind(),
            _ => value,
        };
        return new ArgumentException(
            string.Create(
                CultureInfo.InvariantCulture, $"ChatOptions.AdditionalProperties[{key}] is '{shown}' ({value?.GetType().Name ?? "null"}), but must be {expected}."),
            key);
    }

    private static JsonElement ElementOf(JsonValue node) => node.TryGetValue(out JsonElement parsed) ? parsed : JsonSerializer.SerializeToElement(node);

    private static string? ReadText(string key, JsonElement json, string expected)
    {
        try
        {
            return json.GetString();
        }
        catch (InvalidOperationException)
        {
            throw Wrong(key, json, expected);
        }
    }
}
