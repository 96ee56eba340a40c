using System.Collections;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LocalBloom.AI.Chat;

/// <summary>Reads a dictionary of token ids and numbers, whatever its kind and the types of its keys and values.</summary>
internal static class LogitBiasValue
{
    private const string Expected = "a dictionary of token ids and numbers";

    /// <summary>Reads and copies the dictionary.</summary>
    /// <returns><see langword="null"/> where the value is, or is JSON's null.</returns>
    /// <exception cref="ArgumentException">It is no dictionary, a key is no token id or a value no number; the message names them.</exception>
    public static IReadOnlyDictionary<int, float>? Read(string key, object? value)
    {
        IEnumerable<(object? Id, object? Bias)>? entries = value switch
        {
            null or JsonElement { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => null,
            JsonElement { ValueKind: JsonValueKind.Object } json => json.EnumerateObject().Select(entry => ((object?)entry.Name, (object?)entry.Value)),
            JsonObject node => Entries(node),
            IDictionary dictionary => Entries(dictionary),
            IEnumerable<KeyValuePair<string, object?>> entriesOfAnyKind => Entries(entriesOfAnyKind),
            IEnumerable<KeyValuePair<int, float>> floats => Entries(floats),
            IEnumerable<KeyValuePair<int, double>> doubles => Entries(doubles),
            IEnumerable<KeyValuePair<int, int>> integers => Entries(integers),
            IEnumerable<KeyValuePair<string, float>> floats => Entries(floats),
            IEnumerable<KeyValuePair<string, double>> doubles => Entries(doubles),
            IEnumerable<KeyValuePair<string, int>> integers => Entries(integers),
            _ => throw PropertyValue.Wrong(key, value, Expected),
        };
        if (entries is null)
        {
            return null;
        }

        var biases = new Dictionary<int, float>();
        foreach ((object? id, object? bias) in ReadAll(key, value, entries))
        {
            string place = string.Create(CultureInfo.InvariantCulture, $"{key}[{id}]");
            int token = PropertyValue.ReadInteger($"{key}: a key", id)!.Value;
            biases[token] = (float)(PropertyValue.ReadNumber(place, bias) ?? throw PropertyValue.Wrong(place, bias, "a number"));
        }

        return biases.Count == 0 ? ReadOnlyDictionary<int, float>.Empty : biases.AsReadOnly();
    }

    private static (object? Id, object? Bias)[] ReadAll(string key, object? value, IEnumerable<(object? Id, object? Bias)> entries)
    {
        try
        {
            return [.. entries];
        }
        catch (InvalidOperationException) when (value is JsonElement or JsonNode)
        {
            throw PropertyValue.Wrong(key, value, Expected); // a key spells half a surrogate pair
        }
    }

    private static IEnumerable<(object? Id, object? Bias)> Entries(IDictionary dictionary)
    {
        foreach (DictionaryEntry entry in dictionary)
        {
            yield return (entry.Key, entry.Value);
        }
    }

    private static IEnumerable<(object? Id, object? Bias)> Entries<TKey, TValue>(IEnumerable<KeyValuePair<TKey, TValue>> entries) =>
        entries.Select(entry => ((object?)entry.Key, (object?)entry.Value));
}
