using System.Text.Json;
using System.Text.Json.Nodes;
using LocalBloom.AI.Model;
using LocalBloom.AI.Weights;
using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Loading;

/// <summary>Writes a model's weights as safetensors, matrices as int8 with their scales beside them.</summary>
/// <param name="source">Where the numbers come from.</param>
/// <param name="format">How they are written.</param>
/// <param name="folder">There, and empty.</param>
/// <param name="progress">Told after each tensor.</param>
/// <param name="cancellationToken">Ends the writing.</param>
internal sealed class Int8CheckpointWriter(
    IWeightSource source, WeightFormat format, string folder, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
{
    private const int LengthBytes = 8;

    private long _written;

    /// <summary>Gets the most bytes of a file, unless one tensor alone has more.</summary>
    public long MaxFileBytes { get; init; } = 5L << 30;

    /// <summary>Writes one file, or several and their index.</summary>
    public void Write()
    {
        (string Name, long[] Shape)[] tensors = [.. BloomTensors.All(source.Config)];
        long total = tensors.Sum(tensor => format.BytesOf(tensor.Name, tensor.Shape));
        List<List<(string Name, long[] Shape)>> files = Split(tensors);
        var index = new JsonObject();
        for (int i = 0; i < files.Count; i++)
        {
            string name = files.Count == 1 ? "model.safetensors" : $"model-{i + 1:00000}-of-{files.Count:00000}.safetensors";
            foreach (Entry entry in WriteFile(Path.Combine(folder, name), files[i], total))
            {
                index[entry.StoredName] = name;
            }
        }

        if (files.Count > 1)
        {
            var root = new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = total }, ["weight_map"] = index };
            File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), root.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        }
    }

    private List<List<(string Name, long[] Shape)>> Split(IEnumerable<(string Name, long[] Shape)> tensors)
    {
        var files = new List<List<(string, long[])>> { new() };
        long bytes = 0;
        foreach ((string name, long[] shape) in tensors)
        {
            long added = format.BytesOf(name, shape);
            if (bytes > 0 && bytes + added > MaxFileBytes)
            {
                files.Add([]);
                bytes = 0;
            }

            files[^1].Add((name, shape));
            bytes += added;
        }

        return files;
    }

    private Entry[] WriteFile(string path, List<(string Name, long[] Shape)> tensors, long total)
    {
        Entry[] entries = Layout(tensors);
        byte[] header = Header(entries);
        using SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        RandomAccess.Write(file, BitConverter.GetBytes((long)header.Length), 0);
        RandomAccess.Write(file, header, LengthBytes);
        Dictionary<string, long> begins = entries.ToDictionary(entry => entry.Name, entry => LengthBytes + header.Length + entry.Begin);
        foreach ((string name, long[] shape) in tensors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (format.Quantizes(name, shape))
            {
                WriteInt8(file, name, shape, begins);
            }
            else
            {
                WriteDense(file, name, begins[name]);
            }

            _written += format.BytesOf(name, shape);
            progress?.Report(new LoadProgress(_written, total, name));
        }

        RandomAccess.FlushToDisk(file);
        return entries;
    }

    // Wide numbers first, so that all of them are aligned.
    private Entry[] Layout(List<(string Name, long[] Shape)> tensors)
    {
        var entries = new List<Entry>();
        foreach ((string name, long[] shape) in tensors)
        {
            bool isInt8 = format.Quantizes(name, shape);
            entries.Add(new Entry(name, isInt8 ? ScalarType.Int8 : format.Type, shape, 0));
            if (isInt8)
            {
                entries.Add(new Entry(name + Int8Declaration.ScaleSuffix, format.Type, [shape[0]], 0));
            }
        }

        long end = 0;
        return [.. entries.OrderBy(entry => entry.Type is ScalarType.Int8).Select(entry =>
        {
            Entry placed = entry with { Begin = end };
            end += placed.Bytes;
            return placed;
        })];
    }

    private static byte[] Header(Entry[] entries)
    {
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        foreach (Entry entry in entries)
        {
            header[entry.StoredName] = new JsonObject
            {
                ["dtype"] = SafetensorsFile.NameOf(entry.Type),
                ["shape"] = new JsonArray([.. entry.Shape.Select(size => JsonValue.Create(size))]),
                ["data_offsets"] = new JsonArray(entry.Begin, entry.Begin + entry.Bytes),
            };
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        var padded = new byte[(json.Length + LengthBytes - 1) / LengthBytes * LengthBytes];
        Array.Fill(padded, (byte)' ');
        json.CopyTo(padded, 0);
        return padded;
    }

    private void WriteInt8(SafeFileHandle file, string name, long[] shape, Dictionary<string, long> begins)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor scales = empty([shape[0]], format.Type);
        source.Read(
            name,
            (row, rows) =>
            {
                using Tensor data = empty(rows.shape, ScalarType.Int8);
                using Tensor scale = scales.narrow(0, row, rows.shape[0]);
                Int8Quantizer.Quantize(rows, data, scale);
                RandomAccess.Write(file, data.bytes, begins[name] + (row * shape[1]));
            },
            cancellationToken);
        if (Int8Quantizer.FindInvalid(scales) is var (invalid, _))
        {
            throw new LocalBloomException(
                $"Row {invalid} of {name} has a weight that is no finite number, or too large for a scale in {format.Type}. Get the weights again, or set NumberType to Float32.");
        }

        RandomAccess.Write(file, scales.bytes, begins[name + Int8Declaration.ScaleSuffix]);
    }

    private void WriteDense(SafeFileHandle file, string name, long begin) => source.Read(
        name,
        (_, rows) =>
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor numbers = rows.to_type(format.Type).contiguous();
            RandomAccess.Write(file, numbers.bytes, begin);
            begin += numbers.NumberOfElements * format.Type.ElementSize();
        },
        cancellationToken);

    private sealed record Entry(string Name, ScalarType Type, long[] Shape, long Begin)
    {
        public long Bytes => CheckpointTensor.SizeOf(Type) * Shape.Aggregate(1L, (product, size) => product * size);

        public string StoredName => BloomTensors.IsOfHead(Name) ? Name : "transformer." + Name;
    }
}
