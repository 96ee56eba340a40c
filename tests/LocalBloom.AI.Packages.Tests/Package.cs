using System.IO.Compression;
using System.Xml.Linq;

namespace LocalBloom.AI.Packages.Tests;

/// <summary>A package file: what is in it, and what it says of itself.</summary>
internal sealed class Package
{
    private readonly string _path;
    private readonly XElement _metadata;

    public Package(string path)
    {
        _path = path;
        using ZipArchive archive = ZipFile.OpenRead(path);
        // Without what the format itself asks for.
        Files = [.. archive.Entries.Select(entry => entry.FullName).Where(name => name != "[Content_Types].xml" && name.Split('/')[0] is not ("_rels" or "package"))];
        using Stream manifest = archive.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
        _metadata = XDocument.Load(manifest).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
    }

    public IReadOnlyList<string> Files { get; }

    public string Id => Value("id")!;

    /// <summary>Gets the ids of the packages that come along.</summary>
    public IEnumerable<string> Dependencies =>
        _metadata.Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")!.Value);

    /// <summary>Gets the text of an element of the manifest; <see langword="null"/> where it is not there.</summary>
    public string? Value(string name) => Element(name)?.Value;

    public string? Attribute(string element, string name) => Element(element)?.Attribute(name)?.Value;

    public string ReadText(string file)
    {
        using ZipArchive archive = ZipFile.OpenRead(_path);
        using var reader = new StreamReader(archive.GetEntry(file)!.Open());
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }

    private XElement? Element(string name) => _metadata.Elements().SingleOrDefault(element => element.Name.LocalName == name);
}
