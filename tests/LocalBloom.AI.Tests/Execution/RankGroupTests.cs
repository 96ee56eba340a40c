using LocalBloom.AI.Collectives;
using LocalBloom.AI.Execution;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Tests.Strategies;
using Microsoft.Extensions.Time.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Execution;

public class RankGroupTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(50);

    [Fact]
    public void RankThatFails_EndsTheStepForAll_WithOneExceptionThatNamesIt_AndTheNextStepIsRight()
    {
        using var ranks = new CpuRanks(3, s_patience);

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
        using var ranks = new CpuRanks(2, TimeSpan.FromMilliseconds(50));

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
    public void SecondDisposal_DoesNothing()
    {
        using var ranks = new CpuRanks(3, s_patience);
        ranks.Group.OnAll(_ => { });

        ranks.Group.Dispose();
        ranks.Group.Dispose();
    }

    [Fact]
    public void Break_AfterDisposal_IsQuiet()
    {
        using var ranks = new CpuRanks(2, s_patience);
        ranks.Link.Dispose();

        ranks.Link.Break();

        Assert.Throws<RankLostException>(() => ranks.Add(0, 1));
    }

    // Another model on the same GPUs goes on meanwhile.
    [Fact]
    public void EndOfAFailedStep_IsAwaitedOutsideTheOrderOfLaunches_InWhichItIsRenewed()
    {
        var launching = new Lock();
        bool? isHeldAtEnd = null, isHeldAtRenewal = null;
        using var link = new BrokenLink(() => isHeldAtEnd = launching.IsHeldByCurrentThread, () => isHeldAtRenewal = launching.IsHeldByCurrentThread);
        using RankGroup group = Group(link, launching);
        Assert.Throws<LocalBloomException>(() => group.OnAll(_ => throw new InvalidOperationException("no such thing")));
        Assert.Null(isHeldAtEnd);

        group.OnAll(_ => { });

        Assert.Equal((false, true), (isHeldAtEnd, isHeldAtRenewal));
    }

    [Fact]
    public void FailedStepThatDoesNotEnd_IsFinal_AndEachLaterStepFailsAtOnce()
    {
        int waits = 0;
        using var link = new BrokenLink(
            () =>
            {
                waits++;
                throw new StillInUseException("It does not end.");
            },
            () => Assert.Fail("renewed"));
        using RankGroup group = Group(link, new Lock());
        Assert.Throws<LocalBloomException>(() => group.OnAll(_ => throw new InvalidOperationException("no such thing")));

        for (int step = 0; step < 3; step++)
        {
            Assert.Equal("It does not end.", Assert.ThrowsAny<LocalBloomException>(() => group.OnAll(_ => { })).Message);
        }

        Assert.Equal(1, waits);
    }

    // Other models on the same GPUs wait for a renewal, which may take a minute.
    [Fact]
    public void LongRenewalThatFails_IsNotTriedAgainForAsLong_AndRequestsFailForTheSameReason()
    {
        var time = new FakeTimeProvider();
        var took = TimeSpan.FromSeconds(30);
        int renewals = 0;
        using var link = new BrokenLink(() => { }, () =>
        {
            if (++renewals == 1)
            {
                time.Advance(took);
                throw new LocalBloomException("They did not find each other.");
            }
        });
        using RankGroup group = Group(link, new Lock(), time);
        Assert.Throws<LocalBloomException>(() => group.OnAll(_ => throw new InvalidOperationException("no such thing")));

        for (int step = 0; step < 3; step++)
        {
            Assert.Equal("They did not find each other.", Assert.Throws<LocalBloomException>(() => group.OnAll(_ => { })).Message);
            time.Advance(took / 4);
        }

        Assert.Equal(1, renewals);
        time.Advance(took / 4);
        group.OnAll(_ => { });
        Assert.Equal(2, renewals);
    }

    [Fact]
    public void QuickRenewalThatFails_IsTriedAgainWithTheNextStep()
    {
        int renewals = 0;
        using var link = new BrokenLink(() => { }, () => _ = ++renewals == 1 ? throw new LocalBloomException("Not now.") : renewals);
        using RankGroup group = Group(link, new Lock(), new FakeTimeProvider());
        Assert.Throws<LocalBloomException>(() => group.OnAll(_ => throw new InvalidOperationException("no such thing")));
        Assert.Throws<LocalBloomException>(() => group.OnAll(_ => { }));

        group.OnAll(_ => { });

        Assert.Equal(2, renewals);
    }

    [Fact]
    public void WhatTheOthersMade_IsDisposed_WhereOneFails()
    {
        using var ranks = new CpuRanks(3, s_patience);
        DisposalProbe[] made = [new(), new(), new()];

        Assert.Throws<LocalBloomException>(() => ranks.Group.Collect(rank => rank == 1 ? throw new InvalidOperationException("no such thing") : made[rank]));

        Assert.Equal([true, false, true], made.Select(probe => probe.IsDisposed));
        Assert.Equal(made, ranks.Group.Collect(rank => made[rank]));
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

    private static RankGroup Group(IRankLink link, Lock launching, TimeProvider? time = null) =>
        new(new BloomModel[2], ["cpu#0", "cpu#1"], link, launching, new RankPatience(s_patience, s_patience)) { Time = time ?? TimeProvider.System };

    private sealed class BrokenLink(Action atEnd, Action atRenewal) : IRankLink
    {
        public ICollective Of(int rank) => throw new NotSupportedException("nothing is added up");

        public void Break()
        {
        }

        public void AwaitEnd() => atEnd();

        public void Renew() => atRenewal();

        public void Confirm()
        {
        }

        public void Dispose()
        {
        }
    }
}
