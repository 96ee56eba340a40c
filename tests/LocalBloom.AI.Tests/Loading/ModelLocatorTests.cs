using LocalBloom.AI.Loading;
using LocalBloom.AI.Testing;

namespace LocalBloom.AI.Tests.Loading;

public sealed class ModelLocatorTests : IDisposable
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TemporaryFolder _home = new();
    private readonly Dictionary<string, string> _variables = [];

    public void Dispose() => _home.Dispose();

    [Fact]
    public void Locate_Folder_IsTakenAsItIs() => Assert.Equal(Golden.Model("safetensors-f32"), ModelLocator.Locate(Golden.Model("safetensors-f32")));

    [Fact]
    public void Locate_FolderWithoutConfig_SaysSo() => AssertRefused(_home.Path, "the folder has no config.json");

    [Fact]
    public void Locate_File_AsksForItsFolder() => AssertRefused(Path.Combine(Golden.Model("safetensors-f32"), "config.json"), "this is a file");

    [Theory]
    [InlineData("HF_HUB_CACHE", "a", "a")]
    [InlineData("HF_HOME", "b", "b/hub")]
    [InlineData("XDG_CACHE_HOME", "c", "c/huggingface/hub")]
    [InlineData("NOTHING", "d", ".cache/huggingface/hub")]
    public void Locate_HubId_IsFoundInTheCache(string variable, string value, string cache)
    {
        _variables[variable] = Path.Combine(_home.Path, value);
        string snapshot = AddSnapshot(cache, Commit, "main");

        Assert.Equal(snapshot, Locate("bigscience/bloomz-560m"));
        Assert.Equal(snapshot, Locate("bigscience/bloomz-560m@" + Commit));
        Assert.Equal(snapshot, Locate("bigscience/bloomz-560m@main"));
    }

    [Fact]
    public void Locate_RevisionOfPullRequest_IsFound()
    {
        AddSnapshot(".cache/huggingface/hub", Commit, "main");
        string other = AddSnapshot(".cache/huggingface/hub", new string('a', 40), "refs/pr/1");

        Assert.Equal(other, Locate("bigscience/bloomz-560m@refs/pr/1"));
    }

    [Fact]
    public void Locate_NoReferenceAndOneSnapshot_TakesIt()
    {
        string snapshot = AddSnapshot(".cache/huggingface/hub", Commit, null);

        Assert.Equal(snapshot, Locate("bigscience/bloomz-560m"));
    }

    [Fact]
    public void Locate_NoReferenceAndTwoSnapshots_AsksForARevision()
    {
        AddSnapshot(".cache/huggingface/hub", Commit, null);
        AddSnapshot(".cache/huggingface/hub", new string('a', 40), null);

        AssertRefused("bigscience/bloomz-560m", "2 snapshots and no refs/main; add @revision");
    }

    [Fact]
    public void Locate_ReferenceOutOfTheCache_IsNotFollowed()
    {
        string snapshot = AddSnapshot(".cache/huggingface/hub", Commit, "main");
        File.WriteAllText(Path.Combine(snapshot, "../../refs/main"), "../../..");

        AssertRefused("bigscience/bloomz-560m", "the snapshot '../../..'");
    }

    [Fact]
    public void Locate_SnapshotWithoutConfig_SaysThatTheDownloadIsIncomplete()
    {
        File.Delete(Path.Combine(AddSnapshot(".cache/huggingface/hub", Commit, "main"), "config.json"));

        AssertRefused("bigscience/bloomz-560m", "the download is incomplete");
    }

    [Fact]
    public void Locate_Absent_ListsWhereItLookedAndHowToGetIt()
    {
        _variables["HF_HUB_CACHE"] = "/nowhere/a";
        _variables["HF_HOME"] = "/nowhere/b";

        AssertRefused("bigscience/bloomz-560m", Path.Combine("/nowhere/a", "models--bigscience--bloomz-560m"));
        AssertRefused("bigscience/bloomz-560m", Path.Combine("/nowhere/b", "hub"));
        AssertRefused("bigscience/bloomz-560m", Path.Combine(_home.Path, ".cache"));
        AssertRefused("bigscience/bloomz-560m", "'hf download bigscience/bloomz-560m'");
        AssertRefused("bigscience/bloomz-560m@v2", "'hf download bigscience/bloomz-560m --revision v2'");
    }

    [Theory]
    [InlineData("bloomz")]
    [InlineData("/no/such/folder")]
    [InlineData("../bloomz")]
    [InlineData("a/b/c")]
    [InlineData("a/..b")]
    [InlineData("a/b@../../x")]
    [InlineData("a/b@x/../../y")]
    [InlineData("a/b\n")]
    public void Locate_NeitherFolderNorId_SaysSo(string model) => AssertRefused(model, "no hub id (organisation/name");

    [Fact]
    public void Locate_CacheOfLinks_Opens()
    {
        string snapshot = AddSnapshot(".cache/huggingface/hub", Commit, "main");
        File.Delete(Path.Combine(snapshot, "config.json"));
        string blobs = Directory.CreateDirectory(Path.Combine(snapshot, "../../blobs")).FullName;
        foreach (string file in Directory.GetFiles(Golden.Model("sharded-bf16-6heads-postln")))
        {
            string blob = $"blob-of-{Path.GetFileNameWithoutExtension(file)}";
            File.Copy(file, Path.Combine(blobs, blob), overwrite: true);
            File.CreateSymbolicLink(Path.Combine(snapshot, Path.GetFileName(file)), Path.Combine("..", "..", "blobs", blob));
        }

        Directory.CreateSymbolicLink(_home.File("shortcut"), snapshot);

        using Checkpoint direct = Checkpoint.Open(Locate("bigscience/bloomz-560m"));
        using Checkpoint throughLink = Checkpoint.Open(_home.File("shortcut"));
        Assert.Equal(direct.TotalBytes, throughLink.TotalBytes);
    }

    private string AddSnapshot(string cache, string commit, string? reference)
    {
        string model = Path.Combine(_home.Path, cache, "models--bigscience--bloomz-560m");
        string snapshot = Directory.CreateDirectory(Path.Combine(model, "snapshots", commit)).FullName;
        File.WriteAllText(Path.Combine(snapshot, "config.json"), "{}");
        if (reference is not null)
        {
            string file = Path.Combine(model, "refs", reference);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, commit);
        }

        return snapshot;
    }

    private string Locate(string model) => ModelLocator.Locate(model, _variables.GetValueOrDefault, _home.Path);

    private void AssertRefused(string model, string expected) =>
        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => Locate(model)).Message, StringComparison.Ordinal);
}
