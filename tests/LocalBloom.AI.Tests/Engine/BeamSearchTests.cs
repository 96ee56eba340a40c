using LocalBloom.AI.Testing;

namespace LocalBloom.AI.Tests.Engine;

public sealed class BeamSearchTests : IDisposable
{
    private readonly BloomEngine _engine = New(cacheTokens: null);
    private readonly TestModel _model = new(Options(null));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _engine.Dispose();
        _model.Dispose();
    }

    // The oracle computes every beam anew from its first token, with no cache and no forks.
    [Theory]
    [InlineData(2, 1, 1)]
    [InlineData(3, 2, 1)]
    [InlineData(4, 4, 0.3f)]
    [InlineData(4, 2, 2)]
    public async Task Beams_AreThoseOfAPlainSearch(int beams, int replies, float lengthPenalty)
    {
        GoldenCase golden = Golden.Read(GoldenEngine.Folder).Cases.First(golden => golden.Greedy24Eos.Count is > 1 and < 20);
        var sampling = new SamplingSettings { BeamCount = beams, ReplyCount = replies, LengthPenalty = lengthPenalty };
        var request = new GenerationRequest { PromptIds = golden.Ids, MaxNewTokens = 18, Sampling = sampling };

        List<GenerationDelta> deltas = await _engine.Collect(request, Cancellation).Soon();

        int[][] expected = Search(golden.Ids, beams, lengthPenalty, 18).Take(replies).ToArray();
        Assert.Equal(expected, deltas.GroupBy(delta => delta.Reply).Select(reply => reply.Select(delta => delta.TokenId).ToArray()));
        Assert.All(deltas.GroupBy(delta => delta.Reply), reply => Assert.NotNull(reply.Last().FinishReason));
    }

    [Fact]
    public async Task Beams_InATightCache_WithOthers_AreTheSame()
    {
        using BloomEngine tight = New(cacheTokens: 256);
        var request = new GenerationRequest
        {
            PromptIds = [.. Enumerable.Range(500, 30)],
            MaxNewTokens = 30,
            IgnoreEndOfSequence = true,
            Sampling = new() { BeamCount = 3, ReplyCount = 3 },
        };

        List<GenerationDelta> alone = await _engine.Collect(request, Cancellation).Soon();
        List<GenerationDelta>[] together = await Task.WhenAll(Enumerable.Range(0, 4).Select(i =>
            tight.Collect(i == 2 ? request : GoldenEngine.Sampled(i, 100), Cancellation))).Soon();

        Assert.Equal(alone.Select(delta => (delta.Reply, delta.TokenId)), together[2].Select(delta => (delta.Reply, delta.TokenId)));
    }

    [Fact]
    public async Task Embedding_IsTheSame_InPiecesAndInCompany_AndDependsOnTheText()
    {
        int[] ids = [.. Enumerable.Range(500, 150)];

        ReadOnlyMemory<float>[] together = await Task.WhenAll(_engine.EmbedAsync(ids, Cancellation), _engine.EmbedAsync([.. ids.Reverse()], Cancellation), _engine.EmbedAsync(ids, Cancellation)).Soon();
        ReadOnlyMemory<float> alone = await _engine.EmbedAsync(ids, Cancellation).Soon();

        float scale = alone.ToArray().Max(Math.Abs);
        Assert.All(alone.ToArray().Zip(together[0].ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * scale));
        Assert.All(alone.ToArray().Zip(together[2].ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * scale));
        Assert.Contains(alone.ToArray().Zip(together[1].ToArray()), pair => Math.Abs(pair.First - pair.Second) > 1e-2 * scale);
        await Assert.ThrowsAsync<ArgumentException>("request", () => _engine.EmbedAsync([], Cancellation));
        await Assert.ThrowsAsync<ContextOverflowException>(() => _engine.EmbedAsync(new int[257], Cancellation));
        Assert.Equal(_model.Loaded.Config.HiddenSize, alone.Length);
    }

    private static BloomChatClientOptions Options(int? cacheTokens) => new()
    {
        Model = GoldenEngine.Folder,
        Devices = ["cpu"],
        NumberType = BloomNumberType.Float32,
        MaxContextTokens = 256,
        CacheTokens = cacheTokens,
    };

    private static BloomEngine New(int? cacheTokens) => new(Options(cacheTokens));

    private List<int[]> Search(IReadOnlyList<int> prompt, int beams, float lengthPenalty, int maxTokens)
    {
        IReadOnlyList<int> ends = _model.Loaded.Config.EosTokenIds;
        var running = new List<(int[] Ids, double Sum)> { ([], 0) };
        var ended = new List<(int[] Ids, double Score)>();
        while (running.Count > 0)
        {
            var candidates = running.SelectMany(beam => Next(prompt, beam)).OrderByDescending(candidate => candidate.Sum).Take(2 * beams).ToList();
            running = [];
            foreach (((int[] ids, double sum), int rank) in candidates.Select((candidate, rank) => (candidate, rank)))
            {
                bool isEnd = ends.Contains(ids[^1]) || ids.Length == maxTokens;
                if (isEnd && rank < beams)
                {
                    ended.Add((ids, sum / Math.Pow(ids.Length, lengthPenalty)));
                }
                else if (!isEnd && running.Count < beams)
                {
                    running.Add((ids, sum));
                }
            }

            ended = [.. ended.OrderByDescending(reply => reply.Score).Take(beams)];
            if (ended.Count == beams && running.Count > 0 && running.Max(beam => beam.Sum / Math.Pow(beam.Ids.Length, lengthPenalty)) <= ended[^1].Score)
            {
                break;
            }
        }

        return [.. ended.Select(reply => reply.Ids)];
    }

    private IEnumerable<(int[] Ids, double Sum)> Next(IReadOnlyList<int> prompt, (int[] Ids, double Sum) beam)
    {
        float[] logits = _model.LastLogits([.. prompt, .. beam.Ids]);
        double largest = logits.Max();
        double normalizer = largest + Math.Log(logits.Sum(logit => Math.Exp(logit - largest)));
        return logits.Select((logit, id) => ((int[])[.. beam.Ids, id], beam.Sum + logit - normalizer));
    }
}
