using LocalBloom.AI.Collectives;
using LocalBloom.AI.Execution;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Tests.Strategies;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Execution;

public class RankGroupTests
{
    private const int Width = 8;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(50);

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
        using var held = new HeldRank();
        using var ranks = new Ranks(2, s_short);

        Assert.Throws<LocalBloomException>(() => ranks.Group.OnAll(rank => held.Hold(rank, ranks)));

        var again = Assert.Throws<LocalBloomException>(() => ranks.Group.OnAll(_ => { }));
        Assert.Contains("Rank 1 on cpu#1 did not complete its step", again.Message, StringComparison.Ordinal);
        held.Release();
    }

    // The memory that it computes in is there until it has ended; then all of it can be given back.
    [Fact]
    public void LostRank_ThatComesBackAfterDisposal_FindsItsMemory_AndEndsQuietly()
    {
        using var held = new HeldRank();
        var ranks = new Ranks(2, s_short);
        Assert.Throws<LocalBloomException>(() => ranks.Group.OnAll(rank => held.Hold(rank, ranks)));
        var memory = new Probe();

        Exception? error = Disposal.All([ranks.Group, ranks.Link, memory]);

        Assert.IsType<StillInUseException>(error);
        Assert.Contains("Rank 1 on cpu#1 has not come back", error.Message, StringComparison.Ordinal);
        Assert.False(memory.IsDisposed);
        ranks.Link.Dispose(); // worse than what owners do: even then the late rank must not end the process
        held.Release();
        Assert.IsType<RankLostException>(held.Outcome());
        held.WaitUntilIdle();
        Assert.Null(Disposal.All([ranks.Group, memory]));
        Assert.True(memory.IsDisposed);
    }

    [Fact]
    public void LostRank_IsTheOneThatIsNamed_EachTimeOneAsks_AndTheOthersHaveEnded()
    {
        using var held = new HeldRank(2);
        var ranks = new Ranks(3, s_short);
        Assert.Throws<LocalBloomException>(() => ranks.Group.OnAll(rank => held.Hold(rank, ranks)));

        for (int i = 0; i < 3; i++)
        {
            var error = Assert.Throws<StillInUseException>(ranks.Group.Dispose);
            Assert.StartsWith("Rank 2 on cpu#2 has not come back", error.Message, StringComparison.Ordinal);
        }

        held.Release();
        held.WaitUntilIdle();
        ranks.Dispose();
    }

    [Fact]
    public void LostRank_ThatIsBackBeforeDisposal_KeepsNothing()
    {
        using var held = new HeldRank(2);
        using var ranks = new Ranks(3, s_short);
        Assert.Throws<LocalBloomException>(() => ranks.Group.OnAll(rank => held.Hold(rank, ranks)));
        held.Release();
        held.WaitUntilIdle();

        ranks.Group.Dispose();
        ranks.Group.Dispose();
    }

    [Fact]
    public void SecondDisposal_DoesNothing()
    {
        using var ranks = new Ranks(3, s_patience);
        ranks.Group.OnAll(_ => { });

        ranks.Group.Dispose();
        ranks.Group.Dispose();
    }

    [Fact]
    public void Break_AfterDisposal_IsQuiet()
    {
        using var ranks = new Ranks(2, s_patience);
        ranks.Link.Dispose();

        ranks.Link.Break();

        Assert.Throws<RankLostException>(() => ranks.Add(0, 1));
    }

    // Another model on the same GPUs needs the order of launches.
    [Fact]
    public void LateRank_KeepsTheOrderOfLaunchesOnlyForAStep_AndIsNotLostIfItComesBack()
    {
        using var held = new HeldRank();
        using var ranks = new Ranks(2, s_short, grace: s_patience);
        Exception? error = null;
        var step = new Thread(() => error = Record.Exception(() => ranks.Group.OnAll(rank => held.Hold(rank, ranks))));
        step.Start();
        held.WaitUntilHeld();

        bool isFree = ranks.Launching.TryEnter(s_patience);
        bool waits = step.IsAlive;
        ranks.Launching.Exit();
        held.Release();
        step.Join();

        Assert.True(isFree);
        Assert.True(waits);
        Assert.StartsWith("Rank 1 on cpu#1 failed: it took 0.05 s longer than the first rank", Assert.IsType<LocalBloomException>(error).Message, StringComparison.Ordinal);
        var results = new float[2][];
        ranks.Group.OnAll(rank => results[rank] = ranks.Add(rank, rank));
        Assert.All(results, result => Assert.All(result, value => Assert.Equal(1, value)));
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

    [Fact]
    public void WhatTheOthersMade_IsDisposed_WhereOneFails()
    {
        using var ranks = new Ranks(3, s_patience);
        Probe[] made = [new(), new(), new()];

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

    private static RankGroup Group(IRankLink link, Lock launching) =>
        new(new BloomModel[2], ["cpu#0", "cpu#1"], link, launching, new RankPatience(s_patience, s_patience));

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

    private sealed class Probe : IDisposable
    {
        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }

    // One rank computes until it is released, and adds up only then.
    private sealed class HeldRank(int held = 1) : IDisposable
    {
        private readonly ManualResetEventSlim _held = new();
        private readonly ManualResetEventSlim _released = new();
        private readonly ManualResetEventSlim _ended = new();
        private Exception? _outcome;
        private Thread? _thread;

        public void Hold(int rank, Ranks ranks)
        {
            if (rank != held)
            {
                return;
            }

            _thread = Thread.CurrentThread;
            _held.Set();
            _released.Wait(s_patience);
            try
            {
                ranks.Add(rank, 1);
            }
            catch (Exception e)
            {
                _outcome = e;
                throw;
            }
            finally
            {
                _ended.Set();
            }
        }

        public void WaitUntilHeld() => Assert.True(_held.Wait(s_patience));

        public void Release() => _released.Set();

        // Waits for work, or has ended.
        public void WaitUntilIdle()
        {
            Assert.True(_ended.Wait(s_patience));
            Assert.True(SpinWait.SpinUntil(() => (_thread!.ThreadState & (System.Threading.ThreadState.WaitSleepJoin | System.Threading.ThreadState.Stopped)) != 0, s_patience));
        }

        public Exception? Outcome()
        {
            Assert.True(_ended.Wait(s_patience));
            return _outcome;
        }

        public void Dispose()
        {
            Release();
            Assert.True(_ended.Wait(s_patience));
        }
    }

    private sealed class Ranks : IDisposable
    {
        private readonly Tensor[] _parts;

        public Ranks(int count, TimeSpan patience, TimeSpan? grace = null)
        {
            _parts = [.. Enumerable.Range(0, count).Select(_ => zeros(2, 4, Width))];
            Link = new LocalLink(_parts, patience);
            Group = new RankGroup(
                new BloomModel[count], [.. Enumerable.Range(0, count).Select(rank => $"cpu#{rank}")], Link, Launching, new RankPatience(patience, grace ?? patience));
        }

        public RankGroup Group { get; }

        public LocalLink Link { get; }

        public Lock Launching { get; } = new();

        // Adds up a value of each rank, beginning with 0.
        public float[] Add(int rank, float value)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor stream = zeros(2, Width);
            Link.Of(rank).Partial(2).fill_(value);
            Link.Of(rank).AddSum(stream, bias: null);
            return stream.data<float>().ToArray();
        }

        public void Dispose()
        {
            _ = Disposal.All([Group]);
            Link.Dispose();
            Array.ForEach(_parts, part => part.Dispose());
        }
    }
}
