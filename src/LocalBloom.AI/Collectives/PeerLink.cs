using LocalBloom.AI.Kernels;
using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Collectives;

/// <summary>Sums by kernels that read the other GPUs' memory and wait for each other there: the host only launches.</summary>
/// <remarks>
/// Each rank has a GPU of its own: kernels that wait for each other on one GPU could wait for ever. Every rank reads every part; where that is much more
/// than ranks must move, each adds up a slice for all. Both give the same bits.
/// </remarks>
internal sealed unsafe class PeerLink : IRankLink
{
    // What a link of 300 GB/s moves in the 5 us that a second meeting takes. Reckoned, not measured.
    private const long LeastBytesSaved = 1_500_000;

    private readonly CudaPeers _peers;
    private readonly int[] _devices;
    private readonly List<Member> _members = [];
    private readonly Stack<IDisposable> _owned = new();
    private readonly TimeSpan _patience;
    private readonly bool? _isInSlices;
    private readonly Lock _breaking = new(); // nobody writes the status once it is freed
    private nint _status; // two int32: whether all waiting ends, and 1 + the rank that was waited for in vain

    /// <summary>Initializes a new instance of the <see cref="PeerLink"/> class.</summary>
    /// <param name="torch">Tells addresses.</param>
    /// <param name="compiler">Compiles.</param>
    /// <param name="peers">Joins the devices.</param>
    /// <param name="devices">Each rank's device, all distinct, which have no <see cref="Problem"/>.</param>
    /// <param name="buffers">Each rank's memory.</param>
    /// <param name="type">Of activations.</param>
    /// <param name="patience">How long a device waits for another.</param>
    /// <param name="isInSlices">Whether each rank adds up a slice for all; by default where <see cref="IsBetterInSlices"/>.</param>
    public PeerLink(
        TorchNative torch, KernelCompiler compiler, CudaPeers peers, IReadOnlyList<int> devices, IReadOnlyList<RankBuffers> buffers, ScalarType type, TimeSpan patience,
        bool? isInSlices = null)
    {
        (_peers, _devices, _patience, _isInSlices) = (peers, [.. devices], patience, isInSlices);
        foreach (int device in devices)
        {
            foreach (int other in devices.Where(other => other != device))
            {
                peers.Reach(device, other);
            }
        }

        _status = peers.AllocateHost(devices[0], 2 * sizeof(int));
        try
        {
            long[] addresses = [.. buffers.SelectMany(rank => new long[] { torch.AddressOf(rank.Parts), torch.AddressOf(rank.Signals) })];
            for (int rank = 0; rank < _devices.Length; rank++)
            {
                PeerSumKernel kernel = Own(new PeerSumKernel(torch, compiler, _devices[rank], type, patience));
                using Tensor list = tensor(addresses, ScalarType.Int64, new Device(DeviceType.CUDA, _devices[rank]));
                Tensor ranks = Own(list.view(-1, 2).DetachFromDisposeScope());
                _members.Add(Own(new Member(this, kernel, ranks, rank, buffers[rank], _status)));
            }

            Renew();
        }
        catch
        {
            _ = Disposal.All(Steps()); // what made it fail is what counts
            throw;
        }
    }

    /// <summary>Gets how many numbers the signals of a rank take: of each block, one from each rank, and its own count.</summary>
    public static int SignalsOf(int ranks) => PeerSumKernel.Blocks * (ranks + 1);

    /// <summary>Gets whether a sum reads so much less in slices that it makes up for a second meeting.</summary>
    /// <param name="ranks">How many there are.</param>
    /// <param name="elements">Numbers of a part.</param>
    public static bool IsBetterInSlices(int ranks, long elements) =>
        (ranks - 1) * (ranks - 2) * elements * sizeof(float) / ranks > LeastBytesSaved; // of (ranks − 1) parts and of 2 (ranks − 1) / ranks

    /// <summary>Says why devices cannot be joined; null where they can.</summary>
    /// <param name="canReach">Whether a device reads and writes another's memory.</param>
    /// <param name="devices">Ordinals.</param>
    /// <param name="width">Of a row.</param>
    public static string? Problem(Func<int, int, bool> canReach, IReadOnlyList<int> devices, int width)
    {
        if (devices.Distinct().Count() != devices.Count)
        {
            return "they are parts of one GPU";
        }

        return width % PeerSumKernel.Quad != 0
            ? $"rows of {width} numbers are no multiple of {PeerSumKernel.Quad}"
            : Unreachable(canReach, devices);
    }

    /// <summary>Says which device cannot reach another's memory; null where all can.</summary>
    /// <param name="canReach">Whether a device reads and writes another's memory.</param>
    /// <param name="devices">Ordinals.</param>
    public static string? Unreachable(Func<int, int, bool> canReach, IReadOnlyList<int> devices)
    {
        foreach (int device in devices)
        {
            foreach (int other in devices)
            {
                if (other != device && !canReach(device, other))
                {
                    return $"cuda:{device} cannot reach the memory of cuda:{other}";
                }
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public ICollective Of(int rank) => _members[rank];

    /// <inheritdoc/>
    public void Break()
    {
        lock (_breaking)
        {
            if (_status != 0)
            {
                Volatile.Write(ref *(int*)_status, 1);
            }
        }
    }

    /// <inheritdoc/>
    public void AwaitEnd() => Synchronize(); // kernels that still wait end by themselves

    /// <inheritdoc/>
    public void Renew()
    {
        AwaitEnd();
        foreach (Member member in _members)
        {
            member.Reset();
        }

        Synchronize(); // or a signal could come before it is reset
        ((int*)_status)[1] = 0;
        Volatile.Write(ref *(int*)_status, 0);
    }

    /// <inheritdoc/>
    public void Confirm()
    {
        if (Volatile.Read(ref *(int*)_status) != 0)
        {
            int lost = ((int*)_status)[1] - 1;
            throw new RankLostException(lost >= 0
                ? $"The other GPUs waited {_patience.TotalSeconds:0.#} s in vain for rank {lost} on cuda:{_devices[lost]}; the step ends. " +
                  "Where it happens again, that GPU is lost or busy with other work: leave it out of Devices."
                : RankLostException.OtherFailed);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Disposal.AllOrThrow(Steps());

    private Action[] Steps()
    {
        nint status;
        lock (_breaking)
        {
            (status, _status) = (_status, 0);
        }

        return status == 0
            ? []
            :
            [
                Synchronize, // kernels in flight may still read it
                .. _owned.Select(owner => (Action)owner.Dispose), // what was made last comes first
                () => _peers.FreeHost(_devices[0], status),
            ];
    }

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Push(owned);
        return owned;
    }

    private void Synchronize() => Array.ForEach(_devices, device => cuda.synchronize(new Device(DeviceType.CUDA, device)));

    private sealed class Member(PeerLink link, PeerSumKernel kernel, Tensor ranks, int own, RankBuffers buffers, nint status) : ICollective, IDisposable
    {
        private readonly Tensor _turns = buffers.Signals.narrow(0, buffers.Signals.size(0) - PeerSumKernel.Blocks, PeerSumKernel.Blocks).DetachFromDisposeScope();
        private readonly PartBuffers _parts = new(buffers.Parts);
        private readonly long _capacity = buffers.Parts.size(1) * buffers.Parts.size(2);

        public Tensor Partial(int rows) => _parts.Next(rows);

        public void AddSum(Tensor residual, Tensor? bias)
        {
            bool isInSlices = link._isInSlices ?? IsBetterInSlices(link._devices.Length, residual.numel());
            kernel.AddSum(ranks, own, _turns, status, _parts.Turn, _capacity, bias, residual, isInSlices);
            _parts.Advance();
        }

        public void Reset()
        {
            buffers.Signals.zero_();
            _parts.Reset();
        }

        public void Dispose()
        {
            _parts.Dispose();
            _turns.Dispose();
        }
    }
}
