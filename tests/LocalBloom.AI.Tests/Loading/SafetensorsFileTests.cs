using LocalBloom.AI.Loading;

namespace LocalBloom.AI.Tests.Loading;

public class SafetensorsFileTests
{
    [Theory]
    [InlineData("\"dtype\":\"F64\"", "tensor 'x' has dtype 'F64'; expected F32, F16, BF16 or I8")]
    [InlineData("\"dtype\":3", "tensor 'x' has no dtype")]
    [InlineData("\"shape\":[4],\"data_offsets\":[0,16]", "tensor 'x' has no dtype")]
    [InlineData("\"dtype\":\"F32\",\"data_offsets\":[0,16]", "tensor 'x' has no shape")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[4.5],\"data_offsets\":[0,16]", "tensor 'x' has no shape")]
    [InlineData("\"dtype\":\"F32\",\"shape\":4,\"data_offsets\":[0,16]", "tensor 'x' has no shape")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[4]", "tensor 'x' has no data_offsets")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0]", "tensor 'x' has no data_offsets")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,99999999999999999999]", "tensor 'x' has no data_offsets")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[-4],\"data_offsets\":[0,16]", "shape [-4], which is negative")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4],\"data_offsets\":[0,16]", "too large to address")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[0,4294967296,4294967296],\"data_offsets\":[0,0]", "too large to address")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]", "too deep")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[-16,0]", "data_offsets [-16, 0]; expected 0 ≤ begin ≤ end")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16,0]", "data_offsets [16, 0]")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,12]", "tensor 'x' has 12 bytes of data, but Float32 [4] takes 16")]
    [InlineData("\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,16]", "has 16 bytes of data, but Float16 [4] takes 8")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16,32]", "tensor 'x' begins at 16, 16 bytes after the header ends")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[1000000000],\"data_offsets\":[0,4000000000]", "it is truncated")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[2305843009213693951],\"data_offsets\":[0,9223372036854775804]", "it is truncated")]
    [InlineData("\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]", "bytes after the last tensor belong to none")]
    public void Open_BrokenEntry_NamesTensorAndExpectation(string fields, string expected) =>
        AssertRefused(TinyModel.WithSafetensors(writer => writer.Header = $"{{\"x\":{{{fields}}}}}"), expected);

    [Theory]
    [InlineData("{", "the header is not valid JSON")]
    [InlineData("[]", "the header holds a JSON Array; expected an object")]
    [InlineData("{\"x\":1}", "tensor 'x' is a JSON Number")]
    [InlineData("{\"x\":{\"dtype\":1,\"dtype\":2}}", "the header has 'dtype' twice")]
    [InlineData("{\"\\ud800\":{}}", "the header is not valid JSON")]
    [InlineData("{\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", "the header is not valid JSON")]
    public void Open_BrokenHeader_SaysWhy(string header, string expected) => AssertRefused(
        TinyModel.WithSafetensors(writer => writer.Header = header), expected);

    [Fact]
    public void Open_DuplicateName_NamesIt() => AssertRefused(
        TinyModel.WithSafetensors(writer => writer.Tensors.Add(writer.Tensors[0])), "the header has 'transformer.word_embeddings.weight' twice");

    [Fact]
    public void Open_OverlappingTensors_NamesBoth() => AssertRefused(
        TinyModel.WithSafetensors(writer => writer.Header =
            """{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"y":{"dtype":"F32","shape":[4],"data_offsets":[8,24]}}"""),
        "tensor 'y' begins at 8 and overlaps 'x', which ends at 16");

    [Theory]
    [InlineData(0xff, 7, "the header claims 18374686")] // the highest byte: a negative number to those who read it signed
    [InlineData(0x7f, 3, "the header claims 2130")]
    [InlineData(0x05, 3, "the header claims 83")]
    public void Open_HeaderLengthOutOfRange_IsRefused(byte value, int position, string expected) =>
        AssertRefused(Finished(bytes => [.. bytes[..position], value, .. bytes[(position + 1)..]]), expected);

    [Fact]
    public void Open_FileShorterThanItsHeader_SaysBothSizes() =>
        AssertRefused(Finished(bytes => bytes[..100]), "but the file has only 100: it is truncated");

    [Fact]
    public void Open_TruncatedData_SaysBothSizes()
    {
        int length = new SafetensorsWriter(TinyModel.Tensors()).ToBytes().Length;

        AssertRefused(Finished(bytes => bytes[..^1]), $"model.safetensors: the header promises {length} bytes, but the file has {length - 1}");
    }

    [Fact]
    public void Open_SurplusData_IsRefused() => AssertRefused(Finished(bytes => [.. bytes, 1, 2, 3]), "3 bytes after the last tensor belong to none");

    [Fact]
    public void Open_TinyOrEmptyFile_IsRefused()
    {
        AssertRefused(Finished(_ => [1, 2, 3]), "the file has 3 bytes, too few");
        AssertRefused(Finished(_ => []), "the file is empty");
    }

    [Fact]
    public void Open_LfsPointer_SaysWhatToDo() =>
        AssertRefused(Finished(_ => "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"u8.ToArray()), "Run 'git lfs pull'");

    [Fact]
    public void Open_UnpaddedHeader_IsReadWithANote()
    {
        using TemporaryFolder folder = TinyModel.WithSafetensors(writer =>
        {
            writer.Padding = 1;
            writer.Header = writer.RightHeader() + new string(' ', 3 - (writer.RightHeader().Length % 2));
        });

        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        Assert.All(checkpoint.Tensors.Values, tensor => Assert.False(tensor.IsAligned));
        Assert.Contains("17 tensors do not begin at a multiple of their element size", Assert.Single(checkpoint.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NameWithControlCharacters_IsMadePrintable() => AssertRefused(
        TinyModel.WithSafetensors(writer => writer.Header = $$"""{"a\n\u001b[31m{{new string('x', 500)}}":{} }"""), "tensor 'a??[31mxxx");

    private static TemporaryFolder Finished(Func<byte[], byte[]> finish) => TinyModel.WithSafetensors(writer => writer.Finish = finish);

    private static void AssertRefused(TemporaryFolder folder, string expected)
    {
        string message = TinyModel.Refusal(folder);
        Assert.Contains("model.safetensors: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }
}
