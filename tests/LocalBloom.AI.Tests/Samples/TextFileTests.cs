using System.Text;
using LocalBloom.AI.Samples;
using LocalBloom.AI.Tests.Loading;

namespace LocalBloom.AI.Tests.Samples;

public sealed class TextFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void MarkedText_IsReadInItsEncoding()
    {
        var encoding = new UnicodeEncoding(bigEndian: false, byteOrderMark: true);
        File.WriteAllBytes(_folder.File("a.txt"), [.. encoding.Preamble, .. encoding.GetBytes("桥 é")]);

        Assert.Equal("桥 é", TextFile.Read(_folder.File("a.txt")));
    }

    [Theory]
    [InlineData("is empty", new byte[] { 0x20, 0x0A })]
    [InlineData("is no text", new byte[] { 0x50, 0x4B, 3, 0 })]
    [InlineData("is not UTF-8; save it in that encoding", new byte[] { 0x63, 0x61, 0x66, 0xE9 })] // Latin-1
    public void WhatIsNoText_IsRefusedByName(string problem, byte[] bytes)
    {
        File.WriteAllBytes(_folder.File("a.txt"), bytes);

        Assert.Equal($"{_folder.File("a.txt")} {problem}.", Refused(_folder.File("a.txt")));
    }

    [Fact]
    public void LargeFile_IsRefused_AndOneOfTheMostBytesIsNot()
    {
        File.WriteAllBytes(_folder.File("a.txt"), [.. Enumerable.Repeat((byte)'a', TextFile.MaxBytes)]);
        Assert.Equal(TextFile.MaxBytes, TextFile.Read(_folder.File("a.txt")).Length);

        File.AppendAllText(_folder.File("a.txt"), "a");
        Assert.Equal($"{_folder.File("a.txt")} has more than 4 MiB.", Refused(_folder.File("a.txt")));
    }

    [Fact]
    public void WhatIsNoFile_IsRefused()
    {
        Assert.Equal($"{_folder.Path} is a folder, and a text file is needed.", Refused(_folder.Path));
        Assert.Equal($"{_folder.Path}/x.txt does not exist.", Refused($"{_folder.Path}/x.txt"));
        Assert.Equal($"{_folder.Path}/x/y.txt does not exist.", Refused($"{_folder.Path}/x/y.txt"));
        Assert.EndsWith(" does not exist.", Assert.Throws<UsageException>(() => KnownQuestion.ReadAll("nosuch")).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static string Refused(string path) => Assert.Throws<UsageException>(() => TextFile.Read(path)).Message;
}
