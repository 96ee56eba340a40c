using LocalBloom.AI.Model;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Tests.Loading;

namespace LocalBloom.AI.Tests.Engine;

[Collection(nameof(AloneInTheProcess))]
public class EngineMemoryTests
{
    private const long MiB = 1 << 20;

    // 151 million weights: a head and embedding of 51 million, eight blocks of 12.6 million.
    private static readonly BloomConfig s_shape = BloomConfig.ForShape("8,1024,16,50000");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task FiftyEngines_LeaveNoMemoryAndNoThreads()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The counts come from /proc.");
        using TemporaryFolder folder = SparseCheckpoint.Create(BloomConfig.ForShape("2,512,8,4096"), "F16", GoldenEngine.Folder);
        await Cycle(10, folder.Path); // code, torch's pools and the heap grow to what they need
        long before = AloneInTheProcess.MemoryInUse();

        await Cycle(50, folder.Path);

        // An engine's weights are 16 MiB, so that two that stayed are too many.
        Assert.InRange(AloneInTheProcess.MemoryInUse() - before, long.MinValue, 30 * MiB);
        Assert.True(GoldenEngine.AreThreadsGone());
    }

    [Fact]
    public async Task LoadAsync_Cancelled_GivesMemoryBack()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "RssAnon is Linux's.");
        await Cycle(1);
        using TemporaryFolder folder = SparseCheckpoint.Create(s_shape, "F16", GoldenEngine.Folder);
        using BloomEngine engine = GoldenEngine.Create(folder.Path, context: 16);
        using var cancellation = new CancellationTokenSource();
        long before = AloneInTheProcess.MemoryInUse(), loaded = 0, grown = 0;
        var cancelling = new CallingProgress(progress =>
        {
            loaded = progress.BytesLoaded;
            if (2 * loaded > progress.BytesTotal)
            {
                grown = ProcessMemory.Anonymous() - before;
                cancellation.Cancel();
            }
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.LoadAsync(cancelling, cancellation.Token));

        Assert.InRange(grown, loaded - (16 * MiB), long.MaxValue); // so that there was something to give back: 150 MiB
        Assert.InRange(AloneInTheProcess.MemoryInUse() - before, long.MinValue, 16 * MiB);
    }

    [Theory]
    [InlineData(BloomNumberType.Float16, 2)]
    [InlineData(BloomNumberType.Float32, 4)]
    public async Task LoadAsync_TakesWhatTheWeightsTake_AndDisposeGivesItBack(BloomNumberType type, int elementSize)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "RssAnon is Linux's.");
        await Cycle(1);
        using TemporaryFolder folder = SparseCheckpoint.Create(s_shape, "F16", GoldenEngine.Folder);
        long weights = elementSize * BloomTensors.All(s_shape).Sum(tensor => tensor.Shape.Aggregate((product, size) => product * size));
        long before = AloneInTheProcess.MemoryInUse(), most = 0;
        var options = new BloomChatClientOptions { Model = folder.Path, Devices = ["cpu"], NumberType = type, MaxContextTokens = 16 };

        using (var engine = new BloomEngine(options))
        {
            await engine.LoadAsync(new CallingProgress(_ => most = Math.Max(most, ProcessMemory.Anonymous() - before)), Cancellation);
            most = Math.Max(most, ProcessMemory.Anonymous() - before);
        }

        // Every page of the weights is written; mapped files are not counted. A tensor read to the heap, or converted as a whole, would be a third more.
        Assert.InRange(most, weights, (long)(1.1 * weights));
        Assert.InRange(AloneInTheProcess.MemoryInUse() - before, long.MinValue, 16 * MiB);
    }

    private static async Task Cycle(int count, string? folder = null)
    {
        for (int i = 0; i < count; i++)
        {
            using BloomEngine engine = GoldenEngine.Create(folder);
            Assert.NotEmpty(await engine.Collect(GoldenEngine.Greedy(2), Cancellation));
            Assert.True(GoldenEngine.CountThreads() > 0); // so that none means something
        }
    }
}
