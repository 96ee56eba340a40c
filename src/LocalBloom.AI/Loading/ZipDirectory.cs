using System.Buffers.Binary;
using System.Text;

namespace LocalBloom.AI.Loading;

/// <summary>Where the bytes of a stored zip entry are in the file.</summary>
internal readonly record struct ZipEntry(long Offset, long Length);

/// <summary>Reads the directory of a zip file whose entries are stored, so that they can be used where they lie. ZIP64 included.</summary>
/// <remarks>Source: PKWARE's APPNOTE 6.3.10: 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 – 4.3.16 (ends), 4.5.3 (ZIP64).</remarks>
internal static class ZipDirectory
{
    private const int EndBytes = 22;
    private const int LocatorBytes = 20;
    private const int End64Bytes = 56;
    private const int CentralBytes = 46;
    private const int LocalBytes = 30;
    private const int MaxDirectoryBytes = 1 << 24; // 176b's largest shard needs a thousandth of it
    private const uint Saturated32 = uint.MaxValue;

    /// <summary>Reads all entries.</summary>
    /// <exception cref="CheckpointException">The file is no zip file, is truncated, or has entries that cannot be used in place.</exception>
    public static IReadOnlyDictionary<string, ZipEntry> Read(MappedFile file)
    {
        (long directory, int size, long count) = FindDirectory(file);
        byte[] bytes = file.Read(directory, size);
        var entries = new Dictionary<string, ZipEntry>(StringComparer.Ordinal);
        int position = 0;
        for (long i = 0; i < count; i++)
        {
            (string name, ZipEntry entry, int length) = ReadEntry(file, bytes.AsSpan(position), directory);
            position += length;
            if (!entries.TryAdd(name, entry))
            {
                throw new CheckpointException(file.Path, $"the zip entry {ErrorText.Name(name)} is there twice.");
            }
        }

        CheckOverlaps(file.Path, entries);
        return entries;
    }

    private static (long Offset, int Size, long Count) FindDirectory(MappedFile file)
    {
        int tailBytes = (int)Math.Min(file.Length, EndBytes + ushort.MaxValue);
        long tailBegin = file.Length - tailBytes;
        byte[] tail = file.Read(tailBegin, tailBytes);
        int end = tailBytes - EndBytes;
        while (end >= 0 && !(U32(tail, end) == 0x06054b50 && end + EndBytes + U16(tail, end + 20) == tailBytes))
        {
            end--;
        }

        if (end < 0)
        {
            throw new CheckpointException(
                file.Path, "the end of the zip directory is missing: the file is truncated or no zip file. Download it again.");
        }

        ulong count = U16(tail, end + 10), size = U32(tail, end + 12), offset = U32(tail, end + 16);
        if (count == ushort.MaxValue || size == Saturated32 || offset == Saturated32)
        {
            (offset, size, count) = ReadEnd64(file, tailBegin + end);
        }

        ulong limit = (ulong)(tailBegin + end);
        if (offset > limit || size > limit - offset || size > MaxDirectoryBytes || count > size / CentralBytes)
        {
            throw new CheckpointException(
                file.Path, $"the zip directory claims {count} entries in {size} bytes at {offset}, which a file of {file.Length} bytes cannot hold.");
        }

        return ((long)offset, (int)size, (long)count);
    }

    private static (ulong Offset, ulong Size, ulong Count) ReadEnd64(MappedFile file, long end)
    {
        ReadOnlySpan<byte> locator = end >= LocatorBytes ? file.Read(end - LocatorBytes, LocatorBytes) : new byte[LocatorBytes];
        ulong at = U64(locator, 8);
        if (U32(locator, 0) != 0x07064b50 || at > (ulong)end || (ulong)end - at < End64Bytes)
        {
            throw new CheckpointException(
                file.Path, "the zip directory is too large for a plain zip file, and its ZIP64 end record is missing or misplaced.");
        }

        byte[] record = file.Read((long)at, End64Bytes);
        return U32(record, 0) == 0x06064b50
            ? (U64(record, 48), U64(record, 40), U64(record, 32))
            : throw new CheckpointException(file.Path, $"expected the ZIP64 end record at {at}, but it is not there.");
    }

    private static (string Name, ZipEntry Entry, int Length) ReadEntry(MappedFile file, ReadOnlySpan<byte> bytes, long directory)
    {
        if (bytes.Length < CentralBytes || U32(bytes, 0) != 0x02014b50)
        {
            throw new CheckpointException(file.Path, "the zip directory is broken: an entry is not where it must be.");
        }

        int nameBytes = U16(bytes, 28), extraBytes = U16(bytes, 30), length = CentralBytes + nameBytes + extraBytes + U16(bytes, 32);
        if (length > bytes.Length)
        {
            throw new CheckpointException(file.Path, "the zip directory is broken: its last entry is cut.");
        }

        ReadOnlySpan<byte> name = bytes.Slice(CentralBytes, nameBytes);
        string text = Encoding.UTF8.GetString(name);
        if ((U16(bytes, 8) & 1) != 0 || U16(bytes, 10) != 0)
        {
            throw Broken(
                file, text, $"is encrypted or compressed (method {U16(bytes, 10)}); torch.save stores entries as they are. Save the file again");
        }

        ReadOnlySpan<byte> extra = bytes.Slice(CentralBytes + nameBytes, extraBytes);
        int used = 0; // ZIP64 values come in this order, each only where the 32-bit field is saturated
        ulong size = Wide(U32(bytes, 24), extra, ref used);
        ulong stored = Wide(U32(bytes, 20), extra, ref used);
        ulong local = Wide(U32(bytes, 42), extra, ref used);
        return stored == size
            ? (text, Locate(file, text, name, local, size, directory), length)
            : throw Broken(file, text, $"claims {stored} bytes stored and {size} in all; expected the same");
    }

    private static ZipEntry Locate(MappedFile file, string text, ReadOnlySpan<byte> name, ulong local, ulong size, long directory)
    {
        ulong limit = (ulong)directory;
        if (local > limit || limit - local < LocalBytes)
        {
            throw Broken(file, text, $"claims a header at {local}, beyond the directory at {directory}");
        }

        byte[] header = file.Read((long)local, LocalBytes);
        int nameBytes = U16(header, 26);
        if (U32(header, 0) != 0x04034b50 || !file.Read((long)local + LocalBytes, nameBytes).AsSpan().SequenceEqual(name))
        {
            throw Broken(file, text, $"has no header of its own at {local}");
        }

        ulong offset = local + (ulong)(LocalBytes + nameBytes + U16(header, 28));
        return offset <= limit && size <= limit - offset
            ? new ZipEntry((long)offset, (long)size)
            : throw Broken(file, text, $"claims {size} bytes at {offset}, beyond the directory at {directory}");
    }

    private static void CheckOverlaps(string path, Dictionary<string, ZipEntry> entries)
    {
        long end = 0;
        string before = "";
        foreach ((string name, ZipEntry entry) in entries.OrderBy(pair => pair.Value.Offset))
        {
            if (entry.Offset < end)
            {
                throw new CheckpointException(path, $"the zip entries {ErrorText.Name(before)} and {ErrorText.Name(name)} overlap.");
            }

            (end, before) = (entry.Offset + entry.Length, name);
        }
    }

    // A value that the extra field should have and has not stays saturated: no entry inside the file can have it.
    private static ulong Wide(uint value, ReadOnlySpan<byte> extra, ref int used)
    {
        if (value != Saturated32)
        {
            return value;
        }

        while (extra.Length >= 4)
        {
            int size = U16(extra, 2);
            ReadOnlySpan<byte> data = extra.Slice(4, Math.Min(size, extra.Length - 4));
            if (U16(extra, 0) == 1)
            {
                used += 8;
                return used <= data.Length ? U64(data, used - 8) : ulong.MaxValue;
            }

            extra = extra[(4 + data.Length)..];
        }

        return ulong.MaxValue;
    }

    private static CheckpointException Broken(MappedFile file, string entry, string problem) =>
        new(file.Path, $"the zip entry {ErrorText.Name(entry)} {problem}.");

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
}
