using System.Text.Json;

namespace LocalBloom.AI.Loading;

/// <summary>Parses foreign JSON: bounded, without duplicate names, and with every failure as a <see cref="CheckpointException"/>.</summary>
internal static class JsonFile
{
    private static readonly JsonDocumentOptions s_options = new() { MaxDepth = 32 };

    /// <summary>Reads a JSON file whose root is an object.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">Its greatest size, in bytes.</param>
    /// <param name="read">Takes what is needed from the root, which is gone afterwards.</param>
    public static T Read<T>(string path, int maxBytes, Func<JsonElement, T> read)
    {
        using var handle = InputFile.Open(path, out long length);
        if (length > maxBytes)
        {
            throw new CheckpointException(path, $"the file has {length} bytes; expected {maxBytes} at most.");
        }

        ReadOnlyMemory<byte> bytes = InputFile.Read(path, handle, 0, (int)length);
        bool hasMark = bytes.Span.StartsWith("\uFEFF"u8); // editors on Windows put a byte order mark there
        return Parse(path, "the file", hasMark ? bytes[3..] : bytes, read);
    }

    /// <summary>Parses JSON that is part of a file.</summary>
    /// <param name="path">The file, for errors.</param>
    /// <param name="what">The part, for errors.</param>
    /// <param name="utf8">The text.</param>
    /// <param name="read">Takes what is needed from the root, which is gone afterwards.</param>
    public static T Parse<T>(string path, string what, ReadOnlyMemory<byte> utf8, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, s_options);
            RefuseDuplicates(path, what, document.RootElement);
            return document.RootElement.ValueKind is JsonValueKind.Object
                ? read(document.RootElement)
                : throw new CheckpointException(path, $"{what} holds a JSON {document.RootElement.ValueKind}; expected an object.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException is what System.Text.Json throws for strings that are no valid Unicode.
            throw new CheckpointException(path, $"{what} is not valid JSON: {e.Message}", e);
        }
    }

    // System.Text.Json can refuse them too, but cuts the name in its message after 15 characters. The depth is bounded above.
    private static void RefuseDuplicates(string path, string what, JsonElement element)
    {
        if (element.ValueKind is JsonValueKind.Array)
        {
            foreach (JsonElement item in element.EnumerateArray())
            {
                RefuseDuplicates(path, what, item);
            }
        }
        else if (element.ValueKind is JsonValueKind.Object)
        {
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (JsonProperty property in element.EnumerateObject())
            {
                if (!names.Add(property.Name))
                {
                    throw new CheckpointException(path, $"{what} has {ErrorText.Name(property.Name)} twice.");
                }

                RefuseDuplicates(path, what, property.Value);
            }
        }
    }
}
