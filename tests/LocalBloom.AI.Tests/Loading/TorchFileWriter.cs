using System.Buffers.Binary;
using System.Text;

namespace LocalBloom.AI.Tests.Loading;

/// <summary>Writes what torch.save writes, broken and hostile variants too: a zip file of stored entries with a pickle.</summary>
internal sealed class TorchFileWriter
{
    /// <summary>Gets the entries in file order.</summary>
    public List<(string Name, byte[] Bytes)> Entries { get; } = [("archive/byteorder", "little"u8.ToArray()), ("archive/version", "3\n"u8.ToArray())];

    /// <summary>Gets or sets a value indicating whether sizes and offsets are written as ZIP64, as for files beyond 4 GiB.</summary>
    public bool Zip64 { get; set; }

    /// <summary>Gets or sets the compression method that entries claim.</summary>
    public ushort Method { get; set; }

    /// <summary>Gets or sets what is done to the finished file.</summary>
    public Func<byte[], byte[]> Finish { get; set; } = bytes => bytes;

    public void Set(string name, byte[] bytes)
    {
        Entries.RemoveAll(entry => entry.Name == name);
        Entries.Add((name, bytes));
    }

    public void SetPickle(PickleWriter pickle) => Set("archive/data.pkl", pickle.ToBytes());

    public void AddStateDict(IReadOnlyList<TinyTensor> tensors)
    {
        var pickle = new PickleWriter().Global("collections", "OrderedDict").Op(")R(");
        for (int i = 0; i < tensors.Count; i++)
        {
            Set($"archive/data/{i}", tensors[i].Bytes);
            pickle.Text(tensors[i].Name).Tensor($"{i}", tensors[i].Bytes.Length / 4, 0, tensors[i].Shape);
        }

        SetPickle(pickle.Op("u}").Text("_metadata").Op("}sb."));
    }

    public byte[] ToBytes()
    {
        var file = new MemoryStream();
        WriteTo(file);
        return Finish(file.ToArray());
    }

    /// <summary>Writes the file where the stream stands: a stream that stands far off makes a sparse file.</summary>
    public void WriteTo(Stream file)
    {
        var directory = new MemoryStream();
        foreach ((string name, byte[] bytes) in Entries)
        {
            WriteEntry(file, directory, Encoding.UTF8.GetBytes(name), bytes);
        }

        long offset = file.Position, size = directory.Length;
        file.Write(directory.ToArray());
        if (Zip64)
        {
            long end64 = file.Position;
            Put(file, 0x06064b50u, 44L, (ushort)45, (ushort)45, 0u, 0u, (long)Entries.Count, (long)Entries.Count, size, offset);
            Put(file, 0x07064b50u, 0u, end64, 1u);
        }

        ushort count = Zip64 ? ushort.MaxValue : (ushort)Entries.Count;
        (uint narrowSize, uint narrowOffset) = Zip64 ? (uint.MaxValue, uint.MaxValue) : ((uint)size, (uint)offset);
        Put(file, 0x06054b50u, (ushort)0, (ushort)0, count, count, narrowSize, narrowOffset, (ushort)0);
    }

    private void WriteEntry(Stream file, MemoryStream directory, byte[] name, byte[] bytes)
    {
        long local = file.Position;
        uint size = (uint)bytes.Length;
        ushort padding = (ushort)(63 - ((local + 30 + name.Length + 63) % 64)); // torch aligns storages to 64 bytes with an extra field
        Put(file, 0x04034b50u, (ushort)0, (ushort)0, Method, 0u, 0u, size, size, (ushort)name.Length, padding);
        file.Write(name);
        file.Write(new byte[padding]);
        file.Write(bytes);

        uint narrow = Zip64 ? uint.MaxValue : size;
        Put(
            directory, 0x02014b50u, (ushort)0, (ushort)0, (ushort)0, Method, 0u, 0u, narrow, narrow, (ushort)name.Length, (ushort)(Zip64 ? 28 : 0),
            (ushort)0, (ushort)0, (ushort)0, 0u, Zip64 ? uint.MaxValue : (uint)local);
        directory.Write(name);
        if (Zip64)
        {
            Put(directory, (ushort)1, (ushort)24, (long)size, (long)size, local);
        }
    }

    private static void Put(Stream stream, params ReadOnlySpan<object> values)
    {
        Span<byte> buffer = stackalloc byte[8];
        foreach (object value in values)
        {
            (int bytes, long number) = value switch
            {
                ushort narrow => (2, narrow),
                uint middle => (4, middle),
                long wide => (8, wide),
                _ => throw new ArgumentException($"{value.GetType()} has no width here.", nameof(values)),
            };
            BinaryPrimitives.WriteInt64LittleEndian(buffer, number);
            stream.Write(buffer[..bytes]);
        }
    }
}
