using LocalBloom.AI.Loading;

namespace LocalBloom.AI.Tests.Loading;

public sealed class PartialFolderTests : IDisposable
{
    private const string FirstFile = "config.json";

    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.File("target");

    [Fact]
    public void EmptyTarget_IsRemovedAtOnce_AndBackWhereTheWorkFails()
    {
        Directory.CreateDirectory(Target);

        using (PartialFolder.Create(Target, FirstFile, "{}"))
        {
            Assert.False(Directory.Exists(Target));
        }

        Assert.Equal([Target], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Empty(Directory.GetFileSystemEntries(Target));
    }

    [Fact]
    public void EmptyTarget_IsReplaced()
    {
        Directory.CreateDirectory(Target);

        using (var partial = PartialFolder.Create(Target, FirstFile, "{}"))
        {
            partial.Complete();
        }

        Assert.Equal([Path.Combine(Target, FirstFile)], Directory.GetFileSystemEntries(Target));
        Assert.Equal([Target], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void TargetThatWasNotThere_IsNotMade()
    {
        PartialFolder.Create(Target, FirstFile, "{}").Dispose();

        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void FileInPlaceOfTheParent_IsReported()
    {
        _folder.Write("file", "");

        Assert.ThrowsAny<IOException>(() => PartialFolder.Create(_folder.File("file/target"), FirstFile, "{}"));
    }

    [Fact]
    public async Task FolderThatComesAndGoes_IsNotFull()
    {
        using var stop = new CancellationTokenSource();
        Task comings = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Directory.CreateDirectory(Target);
                Directory.Delete(Target);
            }
        }, TestContext.Current.CancellationToken);

        for (int i = 0; i < 20_000; i++)
        {
            PartialFolder.RefuseFull(Target);
        }

        await stop.CancelAsync();
        await comings;
    }

    [Fact]
    public async Task WritersThatComeAndGo_GetIt_OrAreToldOfTheOther()
    {
        int written = 0;
        Task[] writers = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                try
                {
                    PartialFolder.Create(Target, FirstFile, "{}").Dispose();
                    Interlocked.Increment(ref written);
                }
                catch (IOException e) when (e.Message.Contains("another call is writing it", StringComparison.Ordinal))
                {
                    // The other has it.
                }
            }
        }, TestContext.Current.CancellationToken))];

        await Task.WhenAll(writers);

        Assert.InRange(written, 1, 4000);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    public void Dispose() => _folder.Dispose();
}
