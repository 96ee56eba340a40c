using LocalBloom.AI.Testing;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Engine;

public class ManyCallersTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryGoldenCase_AtOnce_GivesTheReference()
    {
        foreach (IGrouping<string, (string Model, int Number)> model in Golden.Cases.Select(row => (Model: (string)row.Data.Item1, Number: row.Data.Item2)).GroupBy(row => row.Model))
        {
            var options = new BloomChatClientOptions { Model = model.Key, Devices = ["cpu"], NumberType = BloomNumberType.Float32, MaxContextTokens = 512 };
            using var engine = new BloomEngine(options);
            GoldenCase[] cases = [.. model.Select(row => Golden.Read(row.Model).Cases[row.Number])];

            List<GenerationDelta>[] replies = await Task.WhenAll(cases.Select(golden => engine.Collect(
                new GenerationRequest { PromptIds = golden.Ids, MaxNewTokens = 24, IgnoreEndOfSequence = true }, Cancellation)));

            Assert.All(cases.Zip(replies), pair => Assert.Equal(pair.First.Greedy24, pair.Second.Select(delta => delta.TokenId)));
        }
    }

    // A third of a context for six callers: blocks run out all the time.
    [Fact]
    public async Task ACacheThatIsTooSmall_MakesThemWait_AndChangesNothing()
    {
        GenerationRequest[] requests = [.. Enumerable.Range(0, 6).Select(i => GoldenEngine.Sampled(i, 40 + (20 * i)) with { PromptIds = [.. Enumerable.Range(500 + i, 10 + (7 * i))] })];
        using BloomEngine roomy = Create(cacheTokens: null);
        using BloomEngine tight = Create(cacheTokens: 256);
        var alone = new List<List<GenerationDelta>>();
        foreach (GenerationRequest request in requests)
        {
            alone.Add(await roomy.Collect(request, Cancellation).Soon());
        }

        List<GenerationDelta>[] together = await Task.WhenAll(requests.Select(request => tight.Collect(request, Cancellation))).Soon();

        Assert.Equal(alone.Select(Ids), together.Select(Ids));
        Assert.All(together, deltas => Assert.Equal(ChatFinishReason.Length, deltas[^1].FinishReason));

        static BloomEngine Create(int? cacheTokens) => new(new BloomChatClientOptions
        {
            Model = GoldenEngine.Folder,
            Devices = ["cpu"],
            NumberType = BloomNumberType.Float32,
            MaxContextTokens = 256,
            CacheTokens = cacheTokens,
        });
    }

    [Fact]
    public async Task ALongPrompt_DoesNotStallAnotherReply()
    {
        using BloomEngine engine = GoldenEngine.Create(context: 4096);
        var order = new List<string>();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task running = Read("short", GoldenEngine.Sampled(1, 400), begun);
        await begun.Task.Soon();

        await Task.WhenAll(running, Read("long", GoldenEngine.Sampled(2, 1) with { PromptIds = [.. Enumerable.Range(0, 3000).Select(i => 500 + (i % 700))] }, new())).Soon();

        // The prompt takes several steps, and the other reply goes on in each.
        int first = order.IndexOf("long");
        Assert.InRange(order.Take(first).Count(name => name == "short"), 3000 / engine.StepTokens, 400);

        async Task Read(string name, GenerationRequest request, TaskCompletionSource begun)
        {
            await foreach (GenerationDelta delta in engine.GenerateAsync(request, Cancellation))
            {
                begun.TrySetResult();
                lock (order)
                {
                    order.Add(name);
                }
            }
        }
    }

    [Fact]
    public async Task AFullQueue_RefusesOneMore_AndServesTheOthers()
    {
        var options = new BloomChatClientOptions
        {
            Model = GoldenEngine.Folder,
            Devices = ["cpu"],
            MaxContextTokens = 131_072,
            MaxConcurrentReplies = 1,
            MaxQueuedRequests = 2,
        };
        using var engine = new BloomEngine(options);
        using var running = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        (Task begun, Task end) = engine.StartEndless(running.Token);
        await begun.Soon();
        Task<List<GenerationDelta>>[] waiting = [.. Enumerable.Range(0, 2).Select(_ => engine.Collect(GoldenEngine.Greedy(2), Cancellation))];

        EngineBusyException error = await Assert.ThrowsAsync<EngineBusyException>(() => engine.Collect(GoldenEngine.Greedy(2), Cancellation).Soon());

        Assert.Equal(2, error.Waiting);
        Assert.Contains(nameof(BloomChatClientOptions.MaxQueuedRequests), error.Message, StringComparison.Ordinal);
        await running.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => end.Soon());
        Assert.All(await Task.WhenAll(waiting).Soon(), deltas => Assert.Equal(2, deltas.Count));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Timeout_EndsARunningAndAWaitingReply(bool waits)
    {
        using var engine = new BloomEngine(new BloomChatClientOptions { Model = GoldenEngine.Folder, Devices = ["cpu"], MaxContextTokens = 131_072, MaxConcurrentReplies = 1 });
        using var running = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        (Task begun, Task end) = waits ? engine.StartEndless(running.Token) : (Task.CompletedTask, Task.CompletedTask);
        await begun.Soon();

        await engine.LoadAsync(cancellationToken: Cancellation).Soon();

        // Longer and longer: how soon a first token comes is the machine's affair.
        GenerationTimeoutException error;
        var timeout = TimeSpan.FromMilliseconds(50);
        do
        {
            timeout *= 2;
            error = await Assert.ThrowsAsync<GenerationTimeoutException>(() => engine.Collect(GoldenEngine.Endless with { Timeout = timeout }, Cancellation).Soon());
            Assert.Equal(timeout, error.Timeout);
        }
        while (!waits && error.GeneratedTokens == 0);

        Assert.Equal(waits, error.GeneratedTokens == 0);
        await running.CancelAsync();
        await Task.WhenAny(end).Soon();
        Assert.Single(await engine.Collect(GoldenEngine.Greedy(1), Cancellation).Soon());
    }

    [Fact]
    public async Task MinNewTokens_KeepsTheReplyFromEnding()
    {
        using BloomEngine engine = GoldenEngine.Create();
        GoldenCase golden = Golden.Read(GoldenEngine.Folder).Cases.First(golden => golden.Greedy24Eos.Count is > 1 and < 20);
        var request = new GenerationRequest { PromptIds = golden.Ids, MaxNewTokens = 30, Sampling = new() { MinNewTokens = golden.Greedy24Eos.Count + 3 } };

        List<GenerationDelta> deltas = await engine.Collect(request, Cancellation).Soon();

        Assert.Equal(golden.Greedy24Eos.SkipLast(1), Ids(deltas).Take(golden.Greedy24Eos.Count - 1));
        Assert.InRange(deltas.Count, golden.Greedy24Eos.Count + 3, 30);
    }

    [Fact]
    public async Task SeveralReplies_ShareThePrompt_AndAreEachWhatTheirSeedGives()
    {
        using BloomEngine engine = GoldenEngine.Create();
        GenerationRequest request = GoldenEngine.Sampled(3, 40) with { PromptIds = [.. Enumerable.Range(500, 21)] };
        GenerationRequest several = request with { Sampling = request.Sampling with { ReplyCount = 4 } };

        List<GenerationDelta> first = await engine.Collect(request, Cancellation).Soon();
        List<GenerationDelta> together = await engine.Collect(several, Cancellation).Soon();

        Assert.Equal(Ids(first), Ids(together.Where(delta => delta.Reply == 0)));
        Assert.Equal(4, together.GroupBy(delta => delta.Reply).Select(reply => string.Join(' ', Ids(reply))).Distinct().Count());
        Assert.All(together.GroupBy(delta => delta.Reply), reply => Assert.Equal(40, reply.Count()));
    }

    private static int[] Ids(IEnumerable<GenerationDelta> deltas) => [.. deltas.Select(delta => delta.TokenId)];
}
