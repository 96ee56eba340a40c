using LocalBloom.AI.Collectives;
using LocalBloom.AI.Native;

namespace LocalBloom.AI.Tests.Execution;

/// <summary>Ranks that come late, or not at all: what they may still use stays, and nothing waits for them again and again.</summary>
public class LostRankTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(50);

    [Fact]
    public void RankThatDoesNotEnd_IsLost_AndNoStepWaitsForItAgain()
    {
        using var held = new HeldRank();
        using var ranks = new CpuRanks(2, s_short);

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
        var ranks = new CpuRanks(2, s_short);
        Assert.Throws<LocalBloomException>(() => ranks.Group.OnAll(rank => held.Hold(rank, ranks)));
        var memory = new DisposalProbe();

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
        var ranks = new CpuRanks(3, s_short);
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
        using var ranks = new CpuRanks(3, s_short);
        Assert.Throws<LocalBloomException>(() => ranks.Group.OnAll(rank => held.Hold(rank, ranks)));
        held.Release();
        held.WaitUntilIdle();

        ranks.Group.Dispose();
        ranks.Group.Dispose();
    }

    // Another model on the same GPUs needs the order of launches.
    [Fact]
    public void LateRank_KeepsTheOrderOfLaunchesOnlyForAStep_AndIsNotLostIfItComesBack()
    {
        using var held = new HeldRank();
        using var ranks = new CpuRanks(2, s_short, grace: s_patience);
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

    // One rank computes until it is released, and adds up only then.
    private sealed class HeldRank(int held = 1) : IDisposable
    {
        private readonly ManualResetEventSlim _held = new();
        private readonly ManualResetEventSlim _released = new();
        private readonly ManualResetEventSlim _ended = new();
        private Exception? _outcome;
        private Thread? _thread;

        public void Hold(int rank, CpuRanks ranks)
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
}
