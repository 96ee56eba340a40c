using LocalBloom.AI.Model;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Tests.Strategies;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Model;

/// <summary>Several sequences in one step, in any cache blocks: each gets what it gets alone.</summary>
public abstract class StepPlanTests<TStrategy>(StrategyFixture<TStrategy> fixture) : IClassFixture<StrategyFixture<TStrategy>>
    where TStrategy : IStrategy
{
    private const float SingleEpsilon = 1.1920929e-7f;

    public static TheoryData<string> Models => [.. Golden.Models];

    /// <summary>Gets a model with two sequences' cache blocks, 4 each: contiguous, ascending with gaps, shuffled, interleaved.</summary>
    public static TheoryData<string, int[], int[]> Blocks
    {
        get
        {
            var data = new TheoryData<string, int[], int[]>();
            foreach (string model in Golden.Models)
            {
                data.Add(model, [0, 1, 2, 3], [4, 5, 6, 7]);
                data.Add(model, [9, 10, 11, 12], [3, 4, 5, 6]);
                data.Add(model, [0, 2, 4, 6], [1, 3, 5, 7]);
                data.Add(model, [31, 7, 19, 2], [5, 30, 0, 11]);
                data.Add(model, [4, 3, 2, 1], [20, 21, 22, 23]);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public void TwoSequencesInAStep_GetTheLogitsThatEachGetsAlone(string model, int[] firstBlocks, int[] secondBlocks)
    {
        TestModel loaded = fixture.Model(model);
        (int[] first, int[] second) = (Ids(loaded, 23, seed: 1), Ids(loaded, 50, seed: 2));
        float[][] firstAlone = loaded.Logits(first), secondAlone = loaded.Logits(second);

        // Prompts of unlike lengths; then the one goes on by a token while the other's prompt is not yet through; then both go on by a token.
        Check(firstRows: 0..20, secondRows: 0..33);
        Check(firstRows: 20..21, secondRows: 33..48);
        Check(firstRows: 21..22, secondRows: 48..49);
        Check(firstRows: 22..23, secondRows: 49..50);

        void Check(Range firstRows, Range secondRows)
        {
            float[][] logits = Run(
                loaded, (first[firstRows], firstRows.Start.Value, firstBlocks), (second[secondRows], secondRows.Start.Value, secondBlocks));
            float[][] alone = [.. firstAlone[firstRows], .. secondAlone[secondRows]];
            Assert.Equal(alone.Length, logits.Length);
            Assert.All(alone.Zip(logits), rows => AssertClose(loaded, rows.First, rows.Second));
        }

    }

    [Theory]
    [MemberData(nameof(Models))]
    public void LogitRows_AreThoseOfAllRows(string model)
    {
        TestModel loaded = fixture.Model(model);
        int[] ids = Ids(loaded, 20, seed: 3);
        float[][] all = loaded.Logits(ids);

        foreach (int[] rows in new int[][] { [19], [0], [0, 19], [3, 4, 11], [.. Enumerable.Range(1, 18)] })
        {
            float[][] asked = Run(loaded, new StepPlan(ids, [new StepSegment(0, ids.Length, 0, [2, 9])], rows));

            Assert.Equal(rows.Length, asked.Length);
            Assert.All(rows.Zip(asked), pair => AssertClose(loaded, all[pair.First], pair.Second));
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void NoLogitRows_StillFillTheCache(string model)
    {
        TestModel loaded = fixture.Model(model);
        int[] ids = Ids(loaded, 20, seed: 4);
        int[] blocks = [6, 1];

        float[][] none = Run(loaded, new StepPlan(ids[..19], [new StepSegment(0, 19, 0, blocks)], []));
        float[][] last = Run(loaded, new StepPlan(ids[19..], [new StepSegment(0, 1, 19, blocks)], [0]));

        Assert.Empty(none);
        AssertClose(loaded, loaded.Logits(ids)[19], Assert.Single(last));
    }

    private static int[] Ids(TestModel model, int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(model.Loaded.Config.VocabularySize))];
    }

    private static float[][] Run(TestModel model, params (int[] Ids, int Position, int[] Blocks)[] parts)
    {
        var segments = new List<StepSegment>();
        int row = 0;
        foreach ((int[] ids, int position, int[] blocks) in parts)
        {
            segments.Add(new StepSegment(row, ids.Length, position, blocks));
            row += ids.Length;
        }

        return Run(model, new StepPlan([.. parts.SelectMany(part => part.Ids)], [.. segments], [.. Enumerable.Range(0, row)]));
    }

    private static float[][] Run(TestModel model, StepPlan plan)
    {
        using IDisposable inference = inference_mode();
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = model.Loaded.Runner.Run(plan).Logits.Whole().cpu();
        return [.. Enumerable.Range(0, (int)logits.shape[0]).Select(row => logits[row].data<float>().ToArray())];
    }

    // Row counts change the order in which products are summed. A sum of n terms is then off by up to n·ε of its magnitude; a row passes
    // through 4 products in each layer and the head, of at most InnerSize terms, and LayerNorm keeps what is off in proportion.
    // Another sequence's keys, another position or another row change logits by their own size.
    private static void AssertClose(TestModel model, float[] expected, float[] actual)
    {
        BloomConfig config = model.Loaded.Config;
        float tolerance = ((4 * config.LayerCount) + 1) * config.InnerSize * SingleEpsilon * expected.Max(Math.Abs);
        Assert.Equal(expected.Length, actual.Length);
        float largest = expected.Zip(actual, (one, other) => Math.Abs(one - other)).Max();
        Assert.True(largest <= tolerance, $"off by {largest}, allowed are {tolerance}");
    }
}

public sealed class SingleDeviceCpuStepPlans(StrategyFixture<SingleDeviceCpu> fixture) : StepPlanTests<SingleDeviceCpu>(fixture);

public sealed class LayerSplitCpuStepPlans(StrategyFixture<LayerSplitCpu> fixture) : StepPlanTests<LayerSplitCpu>(fixture);
