using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;
using LocalBloom.AI.Tests.Loading;

namespace LocalBloom.AI.Tests.Engine;

public class EngineLoadTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task LoadAsync_AtTheSameTime_SharesOneLoad()
    {
        using BloomEngine engine = GoldenEngine.Create();
        using var held = new HeldLoad();
        int tensors = 0;
        var counting = new CallingProgress(_ => Interlocked.Increment(ref tensors));
        Task first = engine.LoadAsync(new CallingProgress(progress =>
        {
            counting.Report(progress);
            held.Report(progress);
        }), Cancellation);
        await held.Reached.Soon();

        Task[] others = [.. Enumerable.Range(0, 7).Select(_ => engine.LoadAsync(counting, Cancellation))];
        Assert.All(others, other => Assert.False(other.IsCompleted));
        held.Go();
        await Task.WhenAll([first, .. others]).Soon();
        await engine.LoadAsync(counting, Cancellation).Soon();

        Assert.Equal(BloomTensors.All(BloomConfigReader.Read(GoldenEngine.Folder)).Count(), tensors);
    }

    [Fact]
    public async Task LoadAsync_CancelledInItsProgress_Throws_AndALaterCallLoads()
    {
        using BloomEngine engine = GoldenEngine.Create();
        using var cancellation = new CancellationTokenSource();
        int tensors = 0;
        var cancelling = new CallingProgress(_ =>
        {
            if (++tensors == 5)
            {
                cancellation.Cancel();
            }
        });

        var thrown = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.LoadAsync(cancelling, cancellation.Token).Soon());

        Assert.Equal(cancellation.Token, thrown.CancellationToken);
        Assert.Equal(5, tensors);
        Assert.Throws<InvalidOperationException>(() => engine.MaxContextTokens);
        await engine.LoadAsync(cancellationToken: Cancellation).Soon();
        Assert.Equal(512, engine.MaxContextTokens);
    }

    [Fact]
    public async Task LoadAsync_CancelledBeforeItStarts_LoadsNothing()
    {
        using BloomEngine engine = GoldenEngine.Create();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.LoadAsync(cancellationToken: new CancellationToken(canceled: true)));

        Assert.Throws<InvalidOperationException>(() => engine.DeviceMemory);
    }

    [Fact]
    public async Task LoadAsync_JoinedToALoadThatItsStarterCancels_Succeeds()
    {
        using BloomEngine engine = GoldenEngine.Create();
        using var held = new HeldLoad();
        using var cancellation = new CancellationTokenSource();
        Task starter = engine.LoadAsync(held, cancellation.Token);
        await held.Reached.Soon();
        Task joiner = engine.LoadAsync(cancellationToken: Cancellation);

        await cancellation.CancelAsync();
        held.Go();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starter.Soon());
        await joiner.Soon();
        Assert.Equal(512, engine.MaxContextTokens);
    }

    [Fact]
    public async Task LoadAsync_JoinersCancellation_EndsItsWaitAlone()
    {
        using BloomEngine engine = GoldenEngine.Create();
        using var held = new HeldLoad();
        using var cancellation = new CancellationTokenSource();
        Task starter = engine.LoadAsync(held, Cancellation);
        await held.Reached.Soon();
        Task joiner = engine.LoadAsync(cancellationToken: cancellation.Token);

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => joiner.Soon());
        Assert.False(starter.IsCompleted);
        held.Go();
        await starter.Soon();
    }

    [Fact]
    public async Task LoadAsync_FolderMissing_SaysSoEachTime_UntilItIsThere()
    {
        using var parent = new TemporaryFolder();
        string folder = parent.File("model");
        using BloomEngine engine = GoldenEngine.Create(folder);

        for (int i = 0; i < 3; i++)
        {
            var thrown = await Assert.ThrowsAnyAsync<LocalBloomException>(() => engine.LoadAsync(cancellationToken: Cancellation).Soon());
            Assert.Contains(folder, thrown.Message, StringComparison.Ordinal);
        }

        Directory.CreateDirectory(folder);
        foreach (string file in Directory.GetFiles(GoldenEngine.Folder))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }

        await engine.LoadAsync(cancellationToken: Cancellation).Soon();
        Assert.Equal(512, engine.MaxContextTokens);
    }

    [Fact]
    public async Task LoadAsync_BrokenTokenizer_SaysSoEachTime_UntilItIsRepaired()
    {
        using TemporaryFolder folder = GoldenEngine.Copy();
        folder.Write("tokenizer.json", "{ \"model\": ");
        using BloomEngine engine = GoldenEngine.Create(folder.Path);

        for (int i = 0; i < 3; i++)
        {
            var thrown = await Assert.ThrowsAsync<CheckpointException>(() => engine.LoadAsync(cancellationToken: Cancellation).Soon());
            Assert.Equal(folder.File("tokenizer.json"), thrown.Path);
        }

        folder.CopyFrom(GoldenEngine.Folder);
        Assert.NotEmpty(await engine.Collect(GoldenEngine.Greedy(4), Cancellation).Soon());
    }

    [Fact]
    public async Task GenerateAsync_LoadsByItself()
    {
        using BloomEngine engine = GoldenEngine.Create();
        Assert.Throws<InvalidOperationException>(engine.DescribePlan);

        List<GenerationDelta>[] replies = await Task.WhenAll(
            Enumerable.Range(0, 3).Select(_ => engine.Collect(GoldenEngine.Greedy(8), Cancellation))).Soon();

        Assert.All(replies, reply => Assert.Equal(8, reply.Count));
        Assert.NotEmpty(engine.DescribePlan());
        Assert.True(engine.DeviceMemory["cpu"] > 0);
    }
}
