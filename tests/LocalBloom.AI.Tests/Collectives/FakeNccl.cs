using System.Runtime.InteropServices;
using LocalBloom.AI.Native;

namespace LocalBloom.AI.Tests.Collectives;

/// <summary>NCCL as its documentation has it, over the host's memory: a sum is launched once all ranks have begun it.</summary>
internal sealed class FakeNccl : INccl
{
    private const NcclStatus SystemError = (NcclStatus)2;

    private readonly Lock _lock = new();
    private readonly List<Communicator> _made = [];

    public string Version => "2.0.0";

    /// <summary>Gets or sets whether ranks find each other.</summary>
    public bool Connects { get; set; } = true;

    /// <summary>Gets or sets the rank that cannot be joined.</summary>
    public int? Refuses { get; set; }

    /// <summary>Gets or sets whether it adds up.</summary>
    public bool Sums { get; set; } = true;

    /// <summary>Gets or sets whether an abort ends.</summary>
    public ManualResetEventSlim Aborts { get; } = new(initialState: true);

    public int Made => _made.Count;

    public int Aborted => _made.Count(communicator => communicator.IsAborted);

    /// <summary>Gets whether an aborted communicator was used, which NCCL does not survive.</summary>
    public bool IsUsedAfterAbort { get; private set; }

    public NcclStatus NewId(out NcclId id)
    {
        id = default;
        return NcclStatus.Success;
    }

    public NcclStatus BeginConnect(NcclId id, int ranks, int rank, int device, out nint communicator)
    {
        lock (_lock)
        {
            _made.Add(new Communicator(_made.Count / ranks, ranks) { State = Connects ? NcclStatus.Success : NcclStatus.InProgress });
            communicator = _made.Count;
            return rank == Refuses ? SystemError : NcclStatus.InProgress;
        }
    }

    public NcclStatus BeginSum(nint communicator, int device, nint address, long count)
    {
        lock (_lock)
        {
            if (!Sums)
            {
                return SystemError;
            }

            Communicator own = Used(communicator);
            (own.Address, own.Count, own.State) = (address, (int)count, NcclStatus.InProgress);
            Communicator[] group = [.. _made.Where(other => other.Group == own.Group && other.Address != 0)];
            if (group.Length == own.Ranks)
            {
                Sum(group);
            }

            return NcclStatus.InProgress;
        }
    }

    public NcclStatus StateOf(nint communicator)
    {
        lock (_lock)
        {
            return Used(communicator).State;
        }
    }

    public void Abort(nint communicator)
    {
        Aborts.Wait();
        lock (_lock)
        {
            Used(communicator).IsAborted = true;
        }
    }

    public string Explain(NcclStatus status) => $"status {(int)status}: no socket";

    private Communicator Used(nint communicator)
    {
        Communicator used = _made[(int)communicator - 1];
        IsUsedAfterAbort |= used.IsAborted;
        return used;
    }

    private static void Sum(Communicator[] group)
    {
        float[] sum = new float[group[0].Count];
        float[] part = new float[sum.Length];
        foreach (Communicator rank in group)
        {
            Assert.Equal(sum.Length, rank.Count);
            Marshal.Copy(rank.Address, part, 0, part.Length);
            for (int i = 0; i < sum.Length; i++)
            {
                sum[i] += part[i];
            }
        }

        foreach (Communicator rank in group)
        {
            Marshal.Copy(sum, 0, rank.Address, sum.Length);
            (rank.Address, rank.State) = (0, NcclStatus.Success);
        }
    }

    private sealed record Communicator(int Group, int Ranks)
    {
        public NcclStatus State { get; set; }

        public nint Address { get; set; }

        public int Count { get; set; }

        public bool IsAborted { get; set; }
    }
}
