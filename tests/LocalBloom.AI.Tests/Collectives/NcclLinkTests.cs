using System.Diagnostics;
using LocalBloom.AI.Collectives;
using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Collectives;

/// <summary>How ranks go about NCCL, with one that computes on the host. The real one is tested on GPUs.</summary>
public sealed class NcclLinkTests : IDisposable
{
    private const int Width = 8;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(50);

    private readonly FakeNccl _nccl = new();
    private readonly FakeMarks _marks = new();
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly Tensor[] _parts = [.. Enumerable.Range(0, 3).Select(_ => zeros(2, 4, Width))];

    [Fact]
    public void Sums_AreThoseOfLocalLink_OverAndOver()
    {
        using NcclLink link = Join();
        Tensor[] parts = [.. _parts.Select(part => zeros_like(part))];
        using var local = new LocalLink(parts, s_patience);
        for (int i = 0; i < 5; i++)
        {
            int rows = 1 + (i % 4);
            float[][] wanted = OnAll(local, rows, i), found = OnAll(link, rows, i);

            link.Confirm();
            Assert.Equal(wanted, found);
        }

        Assert.Equal(_parts.Length, _nccl.Made);
        Assert.Equal(0, _nccl.Aborted);
    }

    [Fact]
    public void RanksThatDoNotFindEachOther_AreAClearError_AndNothingStays()
    {
        _nccl.Connects = false;

        var error = Assert.Throws<LocalBloomException>(() => Join(connect: s_short));

        Assert.StartsWith("NCCL cannot join cuda:0, cuda:1, cuda:2: they did not find each other within 0.05 s. Set NCCL_DEBUG=INFO", error.Message, StringComparison.Ordinal);
        Assert.Equal((3, 3), (_nccl.Made, _nccl.Aborted));
        Assert.True(_marks.IsDisposed);
    }

    [Fact]
    public void RankThatCannotBeJoined_IsAClearError_AndNothingStays()
    {
        _nccl.Refuses = 1;

        var error = Assert.Throws<LocalBloomException>(() => Join());

        Assert.StartsWith("NCCL cannot join cuda:0, cuda:1, cuda:2: NCCL 2.0.0 reports: status 2: no socket.", error.Message, StringComparison.Ordinal);
        Assert.Equal((2, 2), (_nccl.Made, _nccl.Aborted));
    }

    [Fact]
    public void AbortThatDoesNotEnd_IsToldOf_AndTheMemoryStays()
    {
        _nccl.Connects = false;
        _nccl.Aborts.Reset();

        var error = Assert.Throws<StillInUseException>(() => Join(connect: s_short, sum: s_short));

        Assert.StartsWith("NCCL cannot join cuda:0, cuda:1, cuda:2: they did not find each other", error.Message, StringComparison.Ordinal);
        Assert.Contains("What was begun does not end either: a GPU may be lost", error.Message, StringComparison.Ordinal);
        Assert.False(_marks.IsDisposed);
        _nccl.Aborts.Set();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void FirstSumThatFails_IsAnError_AndNothingStays_UnlessItDoesNotEnd(bool ends)
    {
        _nccl.Sums = false;
        if (!ends)
        {
            _nccl.Aborts.Reset();
        }

        var error = Assert.ThrowsAny<LocalBloomException>(() => Join(connect: s_short, sum: s_short));

        Assert.Contains("status 2: no socket", error.Message, StringComparison.Ordinal);
        Assert.Equal((!ends, ends), (error is StillInUseException, _marks.IsDisposed));
        _nccl.Aborts.Set();
    }

    // The step before has ended, but not what was begun since.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RenewalThatFailsAndDoesNotEnd_IsWaitedFor_ByWhateverComesNext(bool connects)
    {
        NcclLink link = Join(connect: s_short, sum: s_short);
        link.Break();
        link.AwaitEnd();
        (_nccl.Connects, _nccl.Sums) = (connects, false);
        _nccl.Aborts.Reset();
        Assert.Throws<LocalBloomException>(link.Renew);

        Assert.Throws<StillInUseException>(link.AwaitEnd);
        Assert.Throws<StillInUseException>(link.Dispose);

        Assert.False(_marks.IsDisposed);
        _nccl.Aborts.Set();
        link.Dispose();
        Assert.True(_marks.IsDisposed);
    }

    [Fact]
    public void RenewalThatFails_MayBeTriedAgain()
    {
        using NcclLink link = Join();
        link.Break();
        _nccl.Sums = false;
        Assert.Throws<LocalBloomException>(link.Renew);
        _nccl.Sums = true;

        link.Renew();

        Assert.All(OnAll(link, rows: 2, step: 0), rank => Assert.All(rank, value => Assert.Equal(0 + 1 + 2, value)));
        Assert.Equal((9, 6), (_nccl.Made, _nccl.Aborted));
    }

    [Fact]
    public void Break_EndsAWaitLongBeforeItsBound_AndWhoeverComesLaterFailsAtOnce_UntilItIsRenewed()
    {
        using NcclLink link = Join();
        Exception? error = null;
        var waiting = new Thread(() => error = Record.Exception(() => Add(link, rank: 0, rows: 1, value: 1)));
        waiting.Start();

        link.Break();

        waiting.Join();
        Assert.IsType<RankLostException>(error);
        Assert.Throws<RankLostException>(() => Add(link, rank: 1, rows: 1, value: 1));
        Assert.Throws<RankLostException>(link.Confirm);
        link.Renew();
        link.Confirm();
        Assert.Equal((6, 3), (_nccl.Made, _nccl.Aborted));
        Assert.All(OnAll(link, rows: 2, step: 0), rank => Assert.All(rank, value => Assert.Equal(0 + 1 + 2, value)));
        Assert.False(_nccl.IsUsedAfterAbort);
    }

    [Fact]
    public void RankThatDoesNotCome_IsMissed()
    {
        using NcclLink link = Join(sum: s_short);

        var error = Assert.Throws<RankLostException>(() => Add(link, rank: 0, rows: 1, value: 1));

        Assert.Equal("Not all of 3 ranks came to add up a layer within 0.05 s; the step ends.", error.Message);
        Assert.Equal(error.Message, Assert.Throws<RankLostException>(link.Confirm).Message);
    }

    // The host may be in a copy from the device that waits for it.
    [Fact]
    public void SumThatADeviceDoesNotComplete_IsAbortedOnceThePatienceIsOver()
    {
        using NcclLink link = Join(sum: s_short);
        _marks.ArePassed = false;
        long start = Stopwatch.GetTimestamp();
        OnAll(link, rows: 1, step: 1);

        Assert.True(SpinWait.SpinUntil(() => _nccl.Aborted == 3, s_patience));

        Assert.True(Stopwatch.GetElapsedTime(start) > s_short);
        Assert.Contains("A GPU has not completed a sum over all within 0.05 s", Assert.Throws<RankLostException>(link.Confirm).Message, StringComparison.Ordinal);
        _marks.ArePassed = true;
        link.Renew();
        Assert.All(OnAll(link, rows: 1, step: 1), rank => Assert.All(rank, value => Assert.Equal(1 + 2 + 3, value)));
    }

    // A step whose result nobody reads is not confirmed.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void CompleteSum_IsLeftInPeace(bool isConfirmed)
    {
        using NcclLink link = Join(sum: s_short);
        _marks.ArePassed = !isConfirmed;
        OnAll(link, rows: 1, step: 1);
        if (isConfirmed)
        {
            link.Confirm();
        }

        Thread.Sleep(3 * s_short);

        Assert.Equal(0, _nccl.Aborted);
        link.Confirm();
    }

    [Fact]
    public void DriverThatDoesNotAnswer_IsTakenForLost()
    {
        using NcclLink link = Join(sum: s_short);
        _marks.Answers.Reset();
        OnAll(link, rows: 1, step: 1);

        Assert.True(SpinWait.SpinUntil(() => _nccl.Aborted == 3, s_patience));

        _marks.Answers.Set();
        Assert.Contains("The driver does not answer", Assert.Throws<RankLostException>(link.Confirm).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Break_AfterDisposal_IsQuiet()
    {
        NcclLink link = Join();
        link.Dispose();

        link.Break();

        Assert.Throws<RankLostException>(() => Add(link, rank: 0, rows: 1, value: 1));
        Assert.Equal(3, _nccl.Aborted);
        Assert.True(_marks.IsDisposed);
    }

    [Fact]
    public void BrokenStepThatNcclDoesNotEnd_IsAnError_AndNothingNewIsMade()
    {
        NcclLink link = Join(connect: s_short, sum: s_short);
        _nccl.Aborts.Reset();
        link.Break();

        var error = Assert.Throws<StillInUseException>(link.AwaitEnd);

        Assert.StartsWith("NCCL did not end a step that had failed within 0.05 s.", error.Message, StringComparison.Ordinal);
        Assert.Throws<StillInUseException>(link.Renew);
        Assert.Equal(3, _nccl.Made);
        _nccl.Aborts.Set();
        link.Dispose();
    }

    [Fact]
    public void Disposal_WhereNcclDoesNotEnd_SaysThatMemoryMustStay()
    {
        NcclLink link = Join(connect: s_short, sum: s_short);
        _nccl.Aborts.Reset();

        Assert.Throws<StillInUseException>(link.Dispose);

        _nccl.Aborts.Set();
    }

    private NcclLink Join(TimeSpan? connect = null, TimeSpan? sum = null) => new(
        TorchNative.Load(null), _nccl, _marks, [0, 1, 2], _parts, new NcclPatience(connect ?? s_patience, sum ?? s_patience));

    // Each rank adds its number and the step's.
    private static float[][] OnAll(IRankLink link, int rows, int step)
    {
        var results = new float[3][];
        Thread[] threads = [.. Enumerable.Range(0, results.Length).Select(rank => new Thread(() => results[rank] = Add(link, rank, rows, rank + step)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return results;
    }

    private static float[] Add(IRankLink link, int rank, int rows, float value)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor stream = zeros(rows, Width);
        link.Of(rank).Partial(rows).fill_(value);
        link.Of(rank).AddSum(stream, bias: null);
        return stream.data<float>().ToArray();
    }

    public void Dispose()
    {
        _scope.Dispose();
        Assert.False(_nccl.IsUsedAfterAbort);
    }

    private sealed class FakeMarks : IDeviceMarks
    {
        public bool ArePassed { get; set; } = true;

        public ManualResetEventSlim Answers { get; } = new(initialState: true);

        public bool IsDisposed { get; private set; }

        public void Set(int rank) => Assert.InRange(rank, 0, 2);

        public bool IsPassed(int rank)
        {
            Answers.Wait();
            return ArePassed;
        }

        public void Dispose() => IsDisposed = true;
    }
}
