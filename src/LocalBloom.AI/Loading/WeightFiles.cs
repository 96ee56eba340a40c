using System.Text.Json;

namespace LocalBloom.AI.Loading;

/// <summary>The files that hold a checkpoint's weights, and how to read them.</summary>
/// <param name="Names">The files, without their folder.</param>
/// <param name="Read">Finds the tensors of one of them.</param>
/// <param name="IndexName">The index that lists the files, where there are several.</param>
/// <param name="Index">The file of each tensor, where there is an index.</param>
internal sealed record WeightFiles(
    IReadOnlyList<string> Names,
    Func<MappedFile, IReadOnlyList<CheckpointTensor>> Read,
    string? IndexName = null,
    IReadOnlyDictionary<string, string>? Index = null)
{
    private const int MaxIndexBytes = 1 << 24;

    /// <summary>Says whether a folder has no weights at all, as far as names tell.</summary>
    public static bool AreAbsent(string folder) =>
        !Directory.EnumerateFiles(folder).Any(file => Path.GetFileName(file) is var name &&
            (name.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".bin", StringComparison.OrdinalIgnoreCase) ||
             name.EndsWith(".index.json", StringComparison.OrdinalIgnoreCase)));

    /// <summary>Picks the weights of a folder: safetensors before pickles, one file before several.</summary>
    /// <exception cref="CheckpointException">There are none, or the index is broken or names a file that is absent or elsewhere.</exception>
    public static WeightFiles Find(string folder)
    {
        (string Single, Func<MappedFile, IReadOnlyList<CheckpointTensor>> Read)[] formats =
        [
            ("model.safetensors", SafetensorsFile.Read),
            ("pytorch_model.bin", PickleCheckpoint.Read),
        ];
        List<string> tried = [];
        foreach ((string single, Func<MappedFile, IReadOnlyList<CheckpointTensor>> read) in formats)
        {
            string index = single + ".index.json";
            if (File.Exists(Path.Combine(folder, single)))
            {
                return new WeightFiles([single], read);
            }

            if (File.Exists(Path.Combine(folder, index)))
            {
                return FromIndex(folder, index, read);
            }

            tried.AddRange([single, index]);
        }

        throw new CheckpointException(folder, $"the folder has no weights; expected one of {string.Join(", ", tried)}.");
    }

    private static WeightFiles FromIndex(string folder, string indexName, Func<MappedFile, IReadOnlyList<CheckpointTensor>> read)
    {
        string path = Path.Combine(folder, indexName);
        Dictionary<string, string> index = JsonFile.Read(path, MaxIndexBytes, root => ReadMap(path, root));
        string[] names = [.. index.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (names.FirstOrDefault(name => !IsPlainName(name)) is string outside)
        {
            throw new CheckpointException(
                path, $"the file {ErrorText.Name(outside)} is refused; expected a name without a folder, beside the index.");
        }

        string[] absent = [.. names.Where(name => !File.Exists(Path.Combine(folder, name))).Select(ErrorText.Name)];
        return absent.Length == 0
            ? new WeightFiles(names, read, indexName, index)
            : throw new CheckpointException(
                path, $"{absent.Length} of {names.Length} listed files are absent: {ErrorText.List(absent)}. Download them.");
    }

    private static Dictionary<string, string> ReadMap(string path, JsonElement root)
    {
        if (!root.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind is not JsonValueKind.Object)
        {
            throw new CheckpointException(path, "weight_map is missing or no object; expected tensor names with their files.");
        }

        var index = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonProperty property in map.EnumerateObject())
        {
            index[property.Name] = property.Value.ValueKind is JsonValueKind.String
                ? property.Value.GetString()!
                : throw new CheckpointException(path, $"the file of {ErrorText.Name(property.Name)} is no text.");
        }

        return index.Count > 0 ? index : throw new CheckpointException(path, "weight_map is empty; expected tensor names with their files.");
    }

    // The name alone is judged: in the hub's cache every file is a link to ../../blobs. A colon would make a drive or a stream on Windows.
    private static bool IsPlainName(string name) => name is not ("" or "." or "..") && name.AsSpan().IndexOfAny("/\\:\0") < 0;
}
