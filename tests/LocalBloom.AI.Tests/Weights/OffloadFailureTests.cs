using LocalBloom.AI.Engine;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Tests.Engine;
using LocalBloom.AI.Tests.Loading;
using LocalBloom.AI.Weights;
using Microsoft.Extensions.Logging.Abstractions;

namespace LocalBloom.AI.Tests.Weights;

/// <summary>What Offload says and gives back where there is not enough.</summary>
[Collection(nameof(AloneInTheProcess))]
public class OffloadFailureTests
{
    private const long MiB = 1 << 20;

    private static readonly BloomConfig s_config = BloomConfig.ForShape("8,1024,16,256"); // layers of 48 MiB in float32

    [Fact]
    public void HostMemoryRunningOut_GivesEverythingBack()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "RssAnon is Linux's.");
        var native = TorchNative.Load(null);
        var options = new BloomChatClientOptions { Model = "random", Devices = ["cpu"], NumberType = BloomNumberType.Float32, MaxContextTokens = 16 };
        OffloadLimit.Apply(options, s_config, [s_config.LayerCount], fitting: 3);
        FailingSlabs? slabs = null;
        Build(count: 100).Dispose();
        long before = AloneInTheProcess.MemoryInUse();

        var error = Assert.Throws<PlacementException>(() => Build(count: 3));

        Assert.Equal("No room for slab 3.", error.Message);
        Assert.Equal((3, true), (slabs!.Given.Count, slabs.IsDisposed));
        Assert.InRange(AloneInTheProcess.MemoryInUse() - before, long.MinValue, 40 * MiB); // less than a layer

        LoadedModel Build(int count)
        {
            using var source = new RandomWeights(s_config);
            var factory = new EngineFactory(options, native, NullLogger.Instance)
            {
                NewSlabs = (device, streaming) => slabs = new FailingSlabs(new PlainSlabs(device, streaming.LayerBytes), count),
            };
            return factory.Build(source, tokenizer: null, progress: null, CancellationToken.None);
        }
    }

    [Fact]
    public async Task LimitThatIsTooSmall_SaysTheLeastThatWouldDo()
    {
        BloomChatClientOptions options = Golden("1kB");
        using var engine = new BloomEngine(options);
        var error = await Assert.ThrowsAsync<PlacementException>(() => engine.LoadAsync(cancellationToken: TestContext.Current.CancellationToken));
        string least = error.Message.Split("Set MemoryLimit to ")[1].Split(" or more")[0];

        using var again = new BloomEngine(Golden(least));
        await again.LoadAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.Contains("MemoryLimit leaves 1 kB of cpu", error.Message, StringComparison.Ordinal);
        Assert.True(again.Status.StreamedBytes > 0, again.DescribePlan());
    }

    [Fact]
    public void File_IsGoneWhenItIsGivenBack_AndKeepsWhatIsWritten()
    {
        using var folder = new TemporaryFolder();
        using (var slabs = new FileSlabs(folder.Path, bytes: 4096, count: 3))
        {
            nint[] addresses = [slabs.Allocate(), slabs.Allocate(), slabs.Allocate()];
            foreach (nint address in addresses)
            {
                Fill(address, (byte)(address % 251));
            }

            Assert.All(addresses, address => Assert.Equal(0, address % DeviceArena.Alignment));
            Assert.All(addresses, address => AssertFilled(address, (byte)(address % 251)));
            Assert.Throws<InvalidOperationException>(() => slabs.Allocate());
        }

        Assert.Empty(Directory.GetFiles(folder.Path));

        static unsafe void Fill(nint address, byte value) => new Span<byte>((void*)address, 4096).Fill(value);

        static unsafe void AssertFilled(nint address, byte value) => Assert.False(new Span<byte>((void*)address, 4096).ContainsAnyExcept(value));
    }

    [Fact]
    public void File_ThatCannotBe_NamesTheFolderAndTheCure()
    {
        var error = Assert.Throws<PlacementException>(() => new FileSlabs("/no/such/folder", 4096, 3));

        Assert.Contains("/no/such/folder", error.Message, StringComparison.Ordinal);
        Assert.Contains("TMPDIR", error.Message, StringComparison.Ordinal);
        Assert.Contains("a file of 12.29 kB", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_ForWhichThereIsNoRoom_SaysHowMuchIsNeeded_AndLeavesNothing()
    {
        using var folder = new TemporaryFolder();

        var error = Assert.Throws<PlacementException>(() => new FileSlabs(folder.Path, 1L << 50, 2));

        Assert.Contains($"{folder.Path} cannot take a file of 2251799.81 GB", error.Message, StringComparison.Ordinal);
        Assert.Contains("make room there", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    private static BloomChatClientOptions Golden(string limit) => new()
    {
        Model = GoldenEngine.Folder,
        Devices = ["cpu"],
        Strategy = BloomStrategy.Offload,
        MemoryLimit = limit,
        MaxContextTokens = 256,
    };
}
