using System.Text;
using LocalBloom.AI.Samples;
using LocalBloom.AI.Tests.Loading;

namespace LocalBloom.AI.Tests.Samples;

public sealed class TextFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void TextFiles_AreReadInAllFolders_ByName_AndOthersAreNot()
    {
        Write("b.txt", "b"u8);
        Write("a.MD", "a"u8);
        Write("c.cs", "c"u8);
        Write("sub/deep/d.txt", "d"u8);

        TextFolder read = TextFolder.Read(_folder.Path, TestContext.Current.CancellationToken);

        Assert.Equal([new("a.MD", "a"), new("b.txt", "b"), new("sub/deep/d.txt", "d")], read.Documents);
        Assert.Empty(read.Skipped);
    }

    [Fact]
    public void Encodings_AreThoseWithAMark_AndUtf8()
    {
        const string Text = "桥 é";
        Write("utf8.txt", Encoding.UTF8.GetBytes(Text));
        foreach (Encoding encoding in new Encoding[]
        {
            new UTF8Encoding(true), new UnicodeEncoding(false, true), new UnicodeEncoding(true, true), new UTF32Encoding(false, true), new UTF32Encoding(true, true),
        })
        {
            Write($"{encoding.WebName}-marked.txt", [.. encoding.Preamble, .. encoding.GetBytes(Text)]);
        }

        TextFolder read = TextFolder.Read(_folder.Path, TestContext.Current.CancellationToken);

        Assert.Equal(6, read.Documents.Count);
        Assert.All(read.Documents, document => Assert.Equal(Text, document.Text));
    }

    [Fact]
    public void WhatIsNoText_IsSkippedWithANote()
    {
        Write("good.txt", "good"u8);
        Write("binary.txt", "PK\u0003\0\0\0"u8);
        Write("blank.md", " \n"u8);
        Write("empty.txt", []);
        Write("gbk.txt", [0xC7, 0xC5, 0xBD, 0xA8, 0xD3, 0xDA]);
        Write("large.txt", new byte[TextFile.MaxBytes + 1]);
        Write("odd.txt", [0xFF, 0xFE, 0x41, 0x00, 0x42]);

        TextFolder read = TextFolder.Read(_folder.Path, TestContext.Current.CancellationToken);

        Assert.Equal("good.txt", Assert.Single(read.Documents).Name);
        Assert.Equal(
            [
                "binary.txt: is no text",
                "blank.md: is empty",
                "empty.txt: is empty",
                "gbk.txt: is not UTF-8; save it in that encoding",
                "large.txt: has more than 4 MiB",
                "odd.txt: is not UTF-8; save it in that encoding",
            ],
            read.Skipped);
    }

    [Fact]
    public void Links_AreReadWhereTheyAreFiles_AndNotFollowedToFolders()
    {
        Write("sub/a.txt", "a"u8);
        Directory.CreateSymbolicLink(Path.Combine(_folder.Path, "sub", "round"), _folder.Path);
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "link.txt"), Path.Combine(_folder.Path, "sub", "a.txt"));
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "nowhere.txt"), Path.Combine(_folder.Path, "gone"));

        TextFolder read = TextFolder.Read(_folder.Path, TestContext.Current.CancellationToken);

        Assert.Equal(["link.txt", "sub/a.txt"], read.Documents.Select(document => document.Name));
        Assert.Collection(
            read.Skipped,
            skipped => Assert.StartsWith("nowhere.txt: ", skipped, StringComparison.Ordinal),
            skipped => Assert.Equal("sub/round: links to folders are not followed", skipped));
    }

    [Fact]
    public void WithoutText_OneErrorSaysWhatThereIs()
    {
        Assert.Equal($"There is no folder {_folder.Path}/x: a folder comes first, and then the question.", Refused($"{_folder.Path}/x"));
        Assert.Equal($"There is no text in {_folder.Path}: no file with the ending .txt or .md.", Refused(_folder.Path));

        Write("empty.txt", []);

        Assert.Equal($"There is no text in {_folder.Path}: empty.txt: is empty.", Refused(_folder.Path));
        Assert.Equal($"{_folder.File("empty.txt")} is a file: name the folder that it lies in.", Refused(_folder.File("empty.txt")));
    }

    public void Dispose() => _folder.Dispose();

    private static string Refused(string folder) => Assert.Throws<UsageException>(() => TextFolder.Read(folder, TestContext.Current.CancellationToken)).Message;

    private void Write(string name, ReadOnlySpan<byte> bytes)
    {
        string path = Path.Combine(_folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }
}
