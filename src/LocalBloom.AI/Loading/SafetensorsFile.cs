using System.Buffers.Binary;
using System.Text.Json;
using static TorchSharp.torch;

namespace LocalBloom.AI.Loading;

/// <summary>Finds the tensors of a safetensors file: 8 bytes of header length, a JSON header, and the data.</summary>
/// <remarks>
/// Source: the format's description, https://github.com/huggingface/safetensors#format; as its reference reader does, data that
/// no tensor covers is refused. Data need not be aligned: headers were not padded at first, and such files are still in use.
/// </remarks>
internal static class SafetensorsFile
{
    private const int LengthBytes = 8;
    private const long MaxHeaderBytes = 16 << 20; // a hundred times what BLOOM-176B needs; parsing takes many times as much memory

    private static readonly (string Name, ScalarType Type)[] s_types =
        [("F32", ScalarType.Float32), ("F16", ScalarType.Float16), ("BF16", ScalarType.BFloat16), ("I8", ScalarType.Int8)];

    private static readonly string s_typeNames = $"{string.Join(", ", s_types.SkipLast(1).Select(type => type.Name))} or {s_types[^1].Name}";

    /// <summary>Reads and checks a header.</summary>
    /// <returns>The tensors under the names that the file gives them.</returns>
    /// <exception cref="CheckpointException">The header is broken, or the data is not what it promises.</exception>
    public static IReadOnlyList<CheckpointTensor> Read(MappedFile file)
    {
        int headerBytes = HeaderBytes(file);
        byte[] header = file.Read(LengthBytes, headerBytes);
        Entry[] entries = JsonFile.Parse(file.Path, "the header", header, root => root.EnumerateObject()
            .Where(property => property.Name != "__metadata__")
            .Select(property => ReadEntry(file.Path, property))
            .OrderBy(entry => entry.Begin).ThenBy(entry => entry.End)
            .ToArray());

        long dataBegin = LengthBytes + headerBytes;
        CheckCoverage(file, entries, dataBegin);
        return [.. entries.Select(entry => new CheckpointTensor(
            entry.Name, entry.Type, entry.Shape, CheckpointTensor.RowMajor(entry.Shape),
            file.Address(dataBegin + entry.Begin, entry.End - entry.Begin), file.Name))];
    }

    private static int HeaderBytes(MappedFile file)
    {
        LfsPointer.Refuse(file);
        if (file.Length < LengthBytes)
        {
            throw new CheckpointException(file.Path, $"the file has {file.Length} bytes, too few for a safetensors header. Download it again.");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file.Read(0, LengthBytes));
        if (length > MaxHeaderBytes)
        {
            throw new CheckpointException(file.Path, $"the header claims {length} bytes; {MaxHeaderBytes} is the most. This is no safetensors file.");
        }

        return length <= (ulong)(file.Length - LengthBytes)
            ? (int)length
            : throw new CheckpointException(
                file.Path, $"the header claims {length} bytes, but the file has only {file.Length}: it is truncated. Download it again.");
    }

    private static Entry ReadEntry(string path, JsonProperty property)
    {
        string name = property.Name;
        if (property.Value.ValueKind is not JsonValueKind.Object)
        {
            throw Broken(path, name, $"is a JSON {property.Value.ValueKind}; expected an object with dtype, shape and data_offsets");
        }

        ScalarType type = ReadType(path, property);
        long[] shape = Longs(property, "shape") ?? throw Broken(path, name, "has no shape that is a list of whole numbers");
        if (Longs(property, "data_offsets") is not [long begin, long end])
        {
            throw Broken(path, name, "has no data_offsets that are two whole numbers");
        }

        if (CheckpointTensor.CountElements(shape) is not long count)
        {
            throw Broken(path, name, $"has shape {ErrorText.Shape(shape)}, which is negative, too deep, or too large to address");
        }

        if (begin < 0 || end < begin)
        {
            throw Broken(path, name, $"has data_offsets [{begin}, {end}]; expected 0 ≤ begin ≤ end");
        }

        long expected = count * CheckpointTensor.SizeOf(type);
        return end - begin == expected
            ? new Entry(name, type, shape, begin, end)
            : throw Broken(path, name, $"has {end - begin} bytes of data, but {type} {ErrorText.Shape(shape)} takes {expected}");
    }

    private static ScalarType ReadType(string path, JsonProperty property)
    {
        string? name = property.Value.TryGetProperty("dtype", out JsonElement element) && element.ValueKind is JsonValueKind.String
            ? element.GetString() : null;
        return s_types.FirstOrDefault(type => type.Name == name) is { Name: not null } known
            ? known.Type
            : throw Broken(path, property.Name, $"has {(name is null ? "no dtype" : $"dtype {ErrorText.Name(name)}")}; expected {s_typeNames}");
    }

    /// <summary>Gives the format's name of a number type.</summary>
    public static string NameOf(ScalarType type) => s_types.Single(known => known.Type == type).Name;

    private static long[]? Longs(JsonProperty property, string field)
    {
        if (!property.Value.TryGetProperty(field, out JsonElement element) || element.ValueKind is not JsonValueKind.Array)
        {
            return null;
        }

        var values = new List<long>();
        foreach (JsonElement item in element.EnumerateArray())
        {
            if (item.ValueKind is not JsonValueKind.Number || !item.TryGetInt64(out long value))
            {
                return null;
            }

            values.Add(value);
        }

        return [.. values];
    }

    private static void CheckCoverage(MappedFile file, Entry[] entries, long dataBegin)
    {
        long available = file.Length - dataBegin;
        long needed = entries.Length == 0 ? 0 : entries.Max(entry => entry.End);
        if (needed > available)
        {
            throw new CheckpointException(
                file.Path,
                $"the header promises {(Int128)dataBegin + needed} bytes, but the file has {file.Length}: it is truncated. Download it again.");
        }

        long covered = 0;
        string before = "the header";
        foreach (Entry entry in entries)
        {
            if (entry.Begin != covered)
            {
                throw Broken(file.Path, entry.Name, entry.Begin < covered
                    ? $"begins at {entry.Begin} and overlaps {before}, which ends at {covered}"
                    : $"begins at {entry.Begin}, {entry.Begin - covered} bytes after {before} ends; expected no gap");
            }

            (covered, before) = (entry.End, ErrorText.Name(entry.Name));
        }

        if (covered < available)
        {
            throw new CheckpointException(
                file.Path, $"{available - covered} bytes after the last tensor belong to none; expected the file to end there.");
        }
    }

    private static CheckpointException Broken(string path, string tensor, string problem) => new(path, $"tensor {ErrorText.Name(tensor)} {problem}.");

    private sealed record Entry(string Name, ScalarType Type, long[] Shape, long Begin, long End);
}
