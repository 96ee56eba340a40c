using System.Text.Json;
using static TorchSharp.torch;

namespace LocalBloom.AI.Loading;

/// <summary>Reads typed fields of a JSON object under one of several names; a wrong kind and contradicting names are errors.</summary>
/// <param name="Path">The file, for errors.</param>
/// <param name="Root">The object.</param>
internal readonly record struct JsonFields(string Path, JsonElement Root)
{
    private delegate bool Converter<T>(JsonElement element, out T value);

    public bool IsAbsent(string name) => !Root.TryGetProperty(name, out _);

    public bool Has(string name) => Root.TryGetProperty(name, out JsonElement element) && element.ValueKind is not JsonValueKind.Null;

    public int RequiredWhole(params ReadOnlySpan<string> names) =>
        Whole(names) ?? throw new CheckpointException(Path, $"{string.Join(" or ", names.ToArray())} is missing; expected a whole number.");

    public int? Whole(params ReadOnlySpan<string> names) =>
        Find(names, "a whole number", static (JsonElement element, out int value) =>
        {
            value = 0;
            return element.ValueKind is JsonValueKind.Number && element.TryGetInt32(out value);
        });

    public double? Number(params ReadOnlySpan<string> names) =>
        Find(names, "a number", static (JsonElement element, out double value) =>
        {
            value = 0;
            return element.ValueKind is JsonValueKind.Number && element.TryGetDouble(out value);
        });

    public bool? Flag(params ReadOnlySpan<string> names) =>
        Find(names, "true or false", static (JsonElement element, out bool value) =>
        {
            value = element.ValueKind is JsonValueKind.True;
            return element.ValueKind is JsonValueKind.True or JsonValueKind.False;
        });

    public ScalarType? NumberType(params ReadOnlySpan<string> names) =>
        Find(names, "float32, float16 or bfloat16", static (JsonElement element, out ScalarType value) =>
        {
            ScalarType? type = element.ValueKind is not JsonValueKind.String ? null : element.GetString() switch
            {
                "float32" or "torch.float32" => ScalarType.Float32,
                "float16" or "torch.float16" => ScalarType.Float16,
                "bfloat16" or "torch.bfloat16" => ScalarType.BFloat16,
                _ => null,
            };
            value = type ?? default;
            return type is not null;
        });

    public string? Text(string name) => !Has(name) ? null
        : Root.GetProperty(name) is { ValueKind: JsonValueKind.String } element ? element.GetString() : throw Wrong(name, "a text");

    /// <summary>Reads a list of texts; empty where it is absent.</summary>
    public IReadOnlyList<string> Texts(string name)
    {
        if (!Has(name))
        {
            return [];
        }

        JsonElement list = Root.GetProperty(name);
        return list.ValueKind is JsonValueKind.Array && list.EnumerateArray().All(item => item.ValueKind is JsonValueKind.String)
            ? [.. list.EnumerateArray().Select(item => item.GetString()!)]
            : throw Wrong(name, "a list of texts");
    }

    /// <summary>Reads one token, several or, for JSON's null, none; <see langword="null"/> where the field is absent.</summary>
    public IReadOnlyList<int>? Tokens(string name)
    {
        if (!Root.TryGetProperty(name, out JsonElement element))
        {
            return null;
        }

        List<int> tokens = [];
        JsonElement[] items = element.ValueKind switch
        {
            JsonValueKind.Null => [],
            JsonValueKind.Array => [.. element.EnumerateArray()],
            _ => [element],
        };
        foreach (JsonElement item in items)
        {
            int id = 0;
            bool isToken = item.ValueKind is JsonValueKind.Number && item.TryGetInt32(out id);
            tokens.Add(isToken ? id : throw Wrong(name, "a token id or a list of them"));
        }

        return tokens;
    }

    private T? Find<T>(ReadOnlySpan<string> names, string expected, Converter<T> convert)
        where T : struct
    {
        T? found = null;
        string foundName = "";
        foreach (string name in names)
        {
            if (!Has(name))
            {
                continue;
            }

            T value = convert(Root.GetProperty(name), out T converted) ? converted : throw Wrong(name, expected);
            if (found is T before && !EqualityComparer<T>.Default.Equals(before, value))
            {
                throw new CheckpointException(Path, $"{foundName} is {before} but {name} is {value}. They mean the same: remove the wrong one.");
            }

            (found, foundName) = (value, name);
        }

        return found;
    }

    private CheckpointException Wrong(string name, string expected) =>
        new(Path, $"{name} is {ErrorText.Name(Root.GetProperty(name).GetRawText())}; expected {expected}.");
}
