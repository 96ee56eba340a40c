using LocalBloom.AI.Execution;
using LocalBloom.AI.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Testing;

/// <summary>What holds for the ranks of a model that is cut over several devices. Subclass once per strategy that does so.</summary>
public abstract class RankSuite<TStrategy>(StrategyFixture<TStrategy> fixture) : IClassFixture<StrategyFixture<TStrategy>>
    where TStrategy : IStrategy
{
    public static TheoryData<string, int> Cases => Golden.Cases;

    public static TheoryData<string> Models => [.. Golden.Models];

    // One row alone, and all rows: products of one row and of many are computed in different ways.
    [Theory]
    [MemberData(nameof(Cases))]
    public void HiddenStates_AreTheSameBits_OnAllRanks(string model, int number)
    {
        TestModel loaded = fixture.Model(model);
        var group = (RankGroup)loaded.Loaded.Runner;
        int[] ids = [.. Golden.Read(model).Cases[number].Ids];
        int[] blocks = [.. Enumerable.Range(0, loaded.Loaded.Plan.Footprint.CacheBlocks)];
        using IDisposable inference = inference_mode();
        using DisposeScope scope = NewDisposeScope();

        float[][] prompt = Hidden(new StepPlan(ids, [new StepSegment(0, ids.Length, 0, blocks)], [ids.Length - 1]) { PooledSegments = [0] });
        float[][] next = Hidden(new StepPlan([ids[0]], [new StepSegment(0, 1, ids.Length, blocks)], [0]) { PooledSegments = [0] });

        Assert.All(prompt.Skip(1), rank => Assert.Equal(prompt[0], rank));
        Assert.All(next.Skip(1), rank => Assert.Equal(next[0], rank));
        Assert.All(prompt.Concat(next), rank => Assert.All(rank, value => Assert.True(float.IsFinite(value))));

        float[][] Hidden(StepPlan plan) => [.. group.RunAll(plan).Select(output => output.Pooled!.cpu().data<float>().ToArray())];
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Arenas_AreFilledToTheByte(string model) =>
        Assert.All(fixture.Model(model).Loaded.Arenas, arena => Assert.Equal(arena.Capacity, arena.Used));

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Progress_CoversAllRanks_AndOnlyGrows(string model)
    {
        var reports = new List<LoadProgress>();
        using var engine = new BloomEngine(StrategyFixture<TStrategy>.Options(model));

        await engine.LoadAsync(new Recorder(reports), TestContext.Current.CancellationToken);

        Assert.All(reports.Zip(reports.Skip(1)), pair => Assert.True(pair.First.BytesLoaded < pair.Second.BytesLoaded));
        Assert.Single(reports.Select(report => report.BytesTotal).Distinct());
        Assert.Equal(reports[^1].BytesTotal, reports[^1].BytesLoaded);
    }

    private sealed class Recorder(List<LoadProgress> reports) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => reports.Add(value);
    }
}
