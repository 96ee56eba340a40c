namespace LocalBloom.AI.Tests.Loading;

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("localbloom-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public TemporaryFolder Write(string name, string text)
    {
        System.IO.File.WriteAllText(File(name), text);
        return this;
    }

    public TemporaryFolder Write(string name, byte[] bytes)
    {
        System.IO.File.WriteAllBytes(File(name), bytes);
        return this;
    }

    public TemporaryFolder CopyFrom(string folder)
    {
        foreach (string file in Directory.GetFiles(folder))
        {
            System.IO.File.Copy(file, File(System.IO.Path.GetFileName(file)), overwrite: true);
        }

        return this;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
