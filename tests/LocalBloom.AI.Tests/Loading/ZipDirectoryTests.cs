using System.Buffers.Binary;
using LocalBloom.AI.Loading;

namespace LocalBloom.AI.Tests.Loading;

public class ZipDirectoryTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Open_EitherDirectory_FindsEntries(bool zip64)
    {
        using TemporaryFolder folder = TinyModel.WithPickle(writer => writer.Zip64 = zip64);
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        Assert.All(checkpoint.Tensors.Values, tensor => Assert.True(tensor.IsAligned));
        Assert.Equal(TinyModel.Tensors().Sum(tensor => tensor.Bytes.Length), checkpoint.TotalBytes);
    }

    [Fact]
    public void Open_ArchiveComment_IsSkipped()
    {
        using TemporaryFolder folder = Finished(bytes => [.. bytes[..^2], 5, 0, .. "hello"u8]);
        Checkpoint.Open(folder.Path).Dispose();
    }

    [Fact]
    public void Open_Truncated_SaysSo()
    {
        AssertRefused(Finished(bytes => bytes[..^1]), "the file is truncated or no zip file. Download it again");
        AssertRefused(Finished(bytes => bytes[..(bytes.Length / 2)]), "the file is truncated");
    }

    [Fact]
    public void Open_CutInTheMiddle_IsRefused() => AssertRefused(Finished(bytes => [.. bytes[..100], .. bytes[200..]]), "the zip directory");

    [Fact]
    public void Open_Compressed_NamesTheEntry() =>
        AssertRefused(TinyModel.WithPickle(writer => writer.Method = 8), "the zip entry 'archive/byteorder' is encrypted or compressed (method 8)");

    [Fact]
    public void Open_EntryTwice_NamesIt() =>
        AssertRefused(TinyModel.WithPickle(writer => writer.Entries.Add(("archive/version", []))), "the zip entry 'archive/version' is there twice");

    [Theory]
    [InlineData(42, 0x7fffffffu, "claims a header at 2147483647, beyond the directory")]
    [InlineData(42, 5u, "has no header of its own at 5")]
    [InlineData(20, 7u, "claims 7 bytes stored and 6 in all")]
    [InlineData(0, 0u, "an entry is not where it must be")]
    [InlineData(28, 0xffffu, "its last entry is cut")]
    public void Open_BrokenDirectoryEntry_IsRefused(int field, uint value, string expected) =>
        AssertRefused(Finished(bytes => Put(bytes, DirectoryOffset(bytes) + field, value)), expected);

    [Fact]
    public void Open_EntryBeyondTheDirectory_IsRefused() => AssertRefused(
        Finished(bytes => Put(Put(bytes, DirectoryOffset(bytes) + 20, 1u << 30), DirectoryOffset(bytes) + 24, 1u << 30)),
        "claims 1073741824 bytes at 64, beyond");

    [Fact]
    public void Open_OverlappingEntries_AreRefused() => AssertRefused(
        Finished(bytes => Put(Put(bytes, DirectoryOffset(bytes) + 20, 200), DirectoryOffset(bytes) + 24, 200)),
        "'archive/byteorder' and 'archive/version' overlap");

    [Theory]
    [InlineData(16, 0x7fffffffu)]
    [InlineData(12, 0x7fffffffu)]
    [InlineData(10, 0x7fffu)]
    public void Open_BrokenEndRecord_IsRefused(int field, uint value) => AssertRefused(
        Finished(bytes => field == 10
            ? [.. bytes[..^12], (byte)value, (byte)(value >> 8), .. bytes[^10..]]
            : Put(bytes, bytes.Length - 22 + field, value)),
        "the zip directory claims");

    [Fact]
    public void Open_SaturatedWithoutZip64_IsRefused() =>
        AssertRefused(Finished(bytes => Put(bytes, bytes.Length - 22 + 16, uint.MaxValue)), "its ZIP64 end record is missing");

    [Fact]
    public void Open_Zip64RecordElsewhere_IsRefused()
    {
        AssertRefused(Zip64(bytes => Put(bytes, bytes.Length - 22 - 20 + 8, 0)), "expected the ZIP64 end record at 0");
        AssertRefused(Zip64(bytes => Put(bytes, bytes.Length - 22 - 20 + 12, uint.MaxValue)), "its ZIP64 end record is missing or misplaced");
    }

    // The first entry's ZIP64 values stand behind its name: size, stored size, offset.
    [Theory]
    [InlineData(20)]
    [InlineData(4)]
    public void Open_Zip64SizeBeyondTheFile_IsRefused(int at) => AssertRefused(
        Zip64(bytes => Put(bytes, Zip64DirectoryOffset(bytes) + 46 + "archive/byteorder".Length + at, uint.MaxValue)),
        "the zip entry 'archive/byteorder' claims");

    private static int DirectoryOffset(byte[] bytes) => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(bytes.Length - 22 + 16));

    private static int Zip64DirectoryOffset(byte[] bytes) =>
        (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(bytes.Length - 22 - 20 - 56 + 48));

    private static byte[] Put(byte[] bytes, int at, uint value)
    {
        byte[] changed = [.. bytes];
        BinaryPrimitives.WriteUInt32LittleEndian(changed.AsSpan(at), value);
        return changed;
    }

    private static TemporaryFolder Finished(Func<byte[], byte[]> finish) => TinyModel.WithPickle(writer => writer.Finish = finish);

    private static TemporaryFolder Zip64(Func<byte[], byte[]> finish) => TinyModel.WithPickle(writer =>
    {
        writer.Zip64 = true;
        writer.Finish = finish;
    });

    private static void AssertRefused(TemporaryFolder folder, string expected) =>
        Assert.Contains(expected, TinyModel.Refusal(folder), StringComparison.Ordinal);
}
