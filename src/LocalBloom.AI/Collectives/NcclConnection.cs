using System.Diagnostics;
using LocalBloom.AI.Native;

namespace LocalBloom.AI.Collectives;

/// <summary>The communicators of all ranks, from their joining until they are broken; that is final. Safe for concurrent use, a rank's own calls by one thread at a time.</summary>
internal sealed class NcclConnection
{
    private readonly INccl _nccl;
    private readonly int[] _devices;
    private readonly NcclCommunicator?[] _communicators;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? _lost;

    /// <summary>Initializes a new instance of the <see cref="NcclConnection"/> class; nothing is joined yet.</summary>
    /// <param name="nccl">NCCL.</param>
    /// <param name="devices">Each rank's device, all distinct.</param>
    public NcclConnection(INccl nccl, IReadOnlyList<int> devices)
    {
        (_nccl, _devices) = (nccl, [.. devices]);
        _communicators = new NcclCommunicator?[_devices.Length];
    }

    /// <summary>Gets why it is broken; null while it is whole.</summary>
    public string? Lost => Volatile.Read(ref _lost);

    /// <summary>Joins all ranks. To be called in the order of launches, as a step is: it has the devices work together.</summary>
    /// <param name="patience">How long it may take.</param>
    /// <exception cref="LocalBloomException">They cannot be joined; it is broken.</exception>
    public void Connect(TimeSpan patience)
    {
        try
        {
            Begin(patience);
        }
        catch (LocalBloomException e)
        {
            Break(RankLostException.OtherFailed);
            throw new LocalBloomException(
                $"NCCL cannot join {string.Join(", ", _devices.Select(device => $"cuda:{device}"))}: {e.Message} Set NCCL_DEBUG=INFO to see more, or use LayerSplit, which needs no NCCL.", e);
        }
    }

    /// <summary>Begins to launch a rank's part in a sum; <see cref="IsReady"/> tells when it is launched.</summary>
    /// <param name="rank">The rank.</param>
    /// <param name="address">Of its numbers, float32, in whose place the sum comes.</param>
    /// <param name="count">How many.</param>
    /// <exception cref="RankLostException">It is broken.</exception>
    public void BeginSum(int rank, nint address, long count) => Check(Use(rank, communicator => communicator.BeginSum(address, count)));

    /// <summary>Waits until NCCL, on its own threads, has done what a rank began; on the device it may go on.</summary>
    /// <param name="rank">The rank.</param>
    /// <param name="patience">How long.</param>
    /// <param name="isUrgent">Whether a millisecond counts.</param>
    /// <returns>Whether it was done in that time.</returns>
    /// <exception cref="RankLostException">It was broken meanwhile.</exception>
    public bool IsReady(int rank, TimeSpan patience, bool isUrgent)
    {
        long start = Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        while (true)
        {
            NcclStatus status = Use(rank, communicator => communicator.State());
            if (status is not NcclStatus.InProgress)
            {
                Check(status);
                return true;
            }

            if (Stopwatch.GetElapsedTime(start) > patience)
            {
                return false;
            }

            spin.SpinOnce(sleep1Threshold: isUrgent ? -1 : 0);
        }
    }

    /// <summary>Aborts all communicators, on a thread of its own: a device may take its time. Only the first reason counts.</summary>
    /// <param name="reason">What ranks are told that come later.</param>
    public void Break(string reason)
    {
        if (Interlocked.CompareExchange(ref _lost, reason, null) is null)
        {
            new Thread(Abort) { Name = "BLOOM aborts NCCL", IsBackground = true }.UnsafeStart();
        }
    }

    /// <summary>Waits until all that was broken has ended, on the devices too.</summary>
    /// <param name="patience">How long.</param>
    /// <returns>Whether it has.</returns>
    public bool HasEnded(TimeSpan patience) => _ended.Task.Wait(patience);

    private void Begin(TimeSpan patience)
    {
        long start = Stopwatch.GetTimestamp();
        Check(_nccl.NewId(out NcclId id));
        for (int rank = 0; rank < _devices.Length; rank++)
        {
            NcclStatus status = _nccl.BeginConnect(id, _devices.Length, rank, _devices[rank], out nint communicator);
            if (communicator != 0)
            {
                _communicators[rank] = new NcclCommunicator(_nccl, communicator, _devices[rank]);
            }

            Check(status);
        }

        for (int rank = 0; rank < _devices.Length; rank++)
        {
            if (!IsReady(rank, patience - Stopwatch.GetElapsedTime(start), isUrgent: false))
            {
                throw new RankLostException($"they did not find each other within {patience.TotalSeconds:0.##} s.");
            }
        }
    }

    private NcclStatus Use(int rank, Func<NcclCommunicator, NcclStatus> call)
    {
        if (Lost is { } reason)
        {
            throw new RankLostException(reason);
        }

        try
        {
            return call(_communicators[rank]!);
        }
        catch (ObjectDisposedException)
        {
            throw new RankLostException(Lost!);
        }
    }

    private void Check(NcclStatus status)
    {
        if (status is not (NcclStatus.Success or NcclStatus.InProgress))
        {
            throw new LocalBloomException($"NCCL {_nccl.Version} reports: {_nccl.Explain(status)}.");
        }
    }

    private void Abort()
    {
        NcclCommunicator[] made = [.. _communicators.OfType<NcclCommunicator>()];
        Array.ForEach(made, communicator => communicator.Dispose()); // all of them, before any can have ended: they free what they share together
        Task.WaitAll([.. made.Select(communicator => communicator.Released)]);
        _ended.SetResult();
    }
}
