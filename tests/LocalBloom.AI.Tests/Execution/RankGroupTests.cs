using LocalBloom.AI.Collectives;
using LocalBloom.AI.Execution;
using LocalBloom.AI.Model;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Tests.Strategies;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Execution;

public class RankGroupTests
{
    private const int Width = 8;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    [Fact]
    public void RankThatFails_EndsTheStepForAll_WithOneExceptionThatNamesIt_AndTheNextStepIsRight()
    {
        using var ranks = new Ranks(3, s_patience);

        var error = Assert.Throws<LocalBloomException>(() => ranks.Group.OnAll(rank =>
        {
            if (rank == 1)
            {
                throw new InvalidOperationException("no such thing");
            }

            ranks.Add(rank, 1); // waits for rank 1
        }));

        Assert.Equal("Rank 1 on cpu#1 failed: no such thing", error.Message);
        Assert.IsType<InvalidOperationException>(error.InnerException);
        for (int step = 1; step <= 3; step++)
        {
            var results = new float[3][];
            ranks.Group.OnAll(rank => results[rank] = ranks.Add(rank, rank + step));
            Assert.All(results, result => Assert.All(result, value => Assert.Equal(1 + 2 + (3 * step), value)));
        }
    }

    [Fact]
    public void RankThatDoesNotCome_IsMissed_AndTheStepEnds()
    {
        using var ranks = new Ranks(2, TimeSpan.FromMilliseconds(50));

        var error = Assert.Throws<LocalBloomException>(() => ranks.Group.OnAll(rank =>
        {
            if (rank == 0)
            {
                ranks.Add(rank, 1);
            }
        }));

        Assert.IsType<RankLostException>(error.InnerException);
        Assert.Contains("Not all of 2 ranks came", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RankThatDoesNotEnd_IsLost_AndNoStepWaitsForItAgain()
    {
        using var released = new ManualResetEventSlim();
        using var ranks = new Ranks(2, TimeSpan.FromMilliseconds(50));
        try
        {
            Assert.Throws<LocalBloomException>(() => ranks.Group.OnAll(rank =>
            {
                if (rank == 1)
                {
                    released.Wait(TestContext.Current.CancellationToken);
                }
            }));

            var again = Assert.Throws<LocalBloomException>(() => ranks.Group.OnAll(_ => { }));
            Assert.Contains("Rank 1 on cpu#1 did not complete its step", again.Message, StringComparison.Ordinal);
        }
        finally
        {
            released.Set();
        }
    }

    // A token beyond the vocabulary is refused long before; below the engine it is an error of torch's in the middle of a step.
    [Fact]
    public void ErrorInTheMiddleOfAStep_LeavesTheModelUsable()
    {
        string path = Golden.Models[0];
        using var model = new TestModel(StrategyFixture<TensorParallelCpu>.Options(path));
        using IDisposable inference = inference_mode();
        using DisposeScope scope = NewDisposeScope();
        int[] blocks = [0, 1];
        var good = new StepPlan([1, 2, 3], [new StepSegment(0, 3, 0, blocks)], [2]);
        float[] before = model.Loaded.Runner.Run(good).Logits.Whole().data<float>().ToArray();

        Assert.Throws<LocalBloomException>(() => model.Loaded.Runner.Run(good with { LogitRows = [7] }));

        Assert.Equal(before, model.Loaded.Runner.Run(good).Logits.Whole().data<float>().ToArray());
    }

    private sealed class Ranks : IDisposable
    {
        private readonly LocalLink _link;
        private readonly Tensor[] _parts;

        public Ranks(int count, TimeSpan patience)
        {
            _parts = [.. Enumerable.Range(0, count).Select(_ => zeros(2, 4, Width))];
            _link = new LocalLink(_parts, patience);
            Group = new RankGroup(new BloomModel[count], [.. Enumerable.Range(0, count).Select(rank => $"cpu#{rank}")], _link, new Lock(), patience);
        }

        public RankGroup Group { get; }

        // Adds up a value of each rank, beginning with 0.
        public float[] Add(int rank, float value)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor stream = zeros(2, Width);
            _link.Of(rank).Partial(2).fill_(value);
            _link.Of(rank).AddSum(stream, bias: null);
            return stream.data<float>().ToArray();
        }

        public void Dispose()
        {
            Group.Dispose();
            _link.Dispose();
            Array.ForEach(_parts, part => part.Dispose());
        }
    }
}
