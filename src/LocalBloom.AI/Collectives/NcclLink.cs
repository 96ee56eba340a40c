using LocalBloom.AI.Native;
using static TorchSharp.torch;

namespace LocalBloom.AI.Collectives;

/// <summary>Sums by NCCL, for GPUs that cannot reach each other's memory: it copies through the host without the host's threads.</summary>
/// <remarks>
/// NCCL sums each number in one place and sends it to all, so that all ranks get the same bits; in which order it adds is its own. Communicators do not
/// block: NCCL launches on threads of its own, which a rank awaits, so that its own launches keep their order. Nothing here waits for ever: neither for a
/// rank that does not come, nor for a device.
/// </remarks>
internal sealed class NcclLink : IRankLink
{
    private readonly TorchNative _torch;
    private readonly INccl _nccl;
    private readonly IDeviceMarks _marks;
    private readonly int[] _devices;
    private readonly IReadOnlyList<Tensor> _parts;
    private readonly NcclPatience _patience;
    private readonly PartBuffers[] _own;
    private readonly SumWatch _watch;
    private NcclConnection _connection;

    /// <summary>Initializes a new instance of the <see cref="NcclLink"/> class, joining the ranks. To be made in the order of launches.</summary>
    /// <param name="torch">Tells addresses.</param>
    /// <param name="nccl">NCCL.</param>
    /// <param name="marks">Tell how far devices have come; disposed here.</param>
    /// <param name="devices">Each rank's device, all distinct.</param>
    /// <param name="parts">Each rank's own buffers, [2, rows, width], float32, of which one is used: a sum comes in its place.</param>
    /// <param name="patience">How long is waited.</param>
    /// <exception cref="LocalBloomException">NCCL cannot join them; nothing of it is left.</exception>
    /// <exception cref="StillInUseException">Nor does what it began end: it may still write the parts.</exception>
    public NcclLink(TorchNative torch, INccl nccl, IDeviceMarks marks, IReadOnlyList<int> devices, IReadOnlyList<Tensor> parts, NcclPatience patience)
    {
        (_torch, _nccl, _marks, _devices, _parts, _patience) = (torch, nccl, marks, [.. devices], parts, patience);
        _own = [.. parts.Select(rank => new PartBuffers(rank))];
        _connection = new NcclConnection(nccl, _devices);
        _watch = new SumWatch(marks, _devices.Length, patience.Sum, reason => _connection.Break(reason));
        try
        {
            Connect();
        }
        catch (Exception e)
        {
            _watch.Dispose();
            if (!_connection.HasEnded(patience.End))
            {
                throw new StillInUseException($"{e.Message} What was begun does not end either: a GPU may be lost, restart the application.");
            }

            _ = Disposal.All([marks]); // what made it fail is what counts
            throw;
        }
    }

    /// <inheritdoc/>
    public ICollective Of(int rank) => new Member(this, rank);

    /// <inheritdoc/>
    public void Break() => _connection.Break(RankLostException.OtherFailed);

    /// <inheritdoc/>
    public void AwaitEnd()
    {
        Break();
        if (!_connection.HasEnded(_patience.End))
        {
            throw new StillInUseException($"NCCL did not end a step that had failed within {_patience.End.TotalSeconds:0.##} s. A GPU may be lost: restart the application.");
        }
    }

    /// <inheritdoc/>
    public void Renew()
    {
        AwaitEnd();
        _watch.Confirmed(); // what it watches over has ended, and the new connection is no part of it
        _connection = new NcclConnection(_nccl, _devices); // whatever fails from here on, it is this one that must end
        Connect();
    }

    /// <inheritdoc/>
    public void Confirm()
    {
        _watch.Confirmed();
        if (_connection.Lost is { } reason)
        {
            throw new RankLostException(reason);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="StillInUseException">NCCL does not end: it may still write the ranks' parts.</exception>
    public void Dispose()
    {
        _watch.Dispose();
        Break();
        if (!_connection.HasEnded(_patience.End))
        {
            throw new StillInUseException("NCCL does not end, for a GPU does not answer; the memory of all ranks is not given back. Restart the application to free it.");
        }

        Array.ForEach(_own, rank => rank.Dispose());
        _marks.Dispose();
    }

    // Where it fails, what was begun is broken.
    private void Connect()
    {
        NcclConnection connection = _connection;
        try
        {
            connection.Connect(_patience.Connect);

            // It sums small messages and large ones in several ways, and takes memory for each when it is first used: now, not in the first steps.
            for (long count = _parts[0].NumberOfElements; count > 0; count /= 4)
            {
                SumAll(connection, count);
            }
        }
        catch
        {
            connection.Break(RankLostException.OtherFailed);
            throw;
        }
    }

    private void SumAll(NcclConnection connection, long count)
    {
        for (int rank = 0; rank < _devices.Length; rank++)
        {
            connection.BeginSum(rank, _torch.AddressOf(_parts[rank]), count);
        }

        for (int rank = 0; rank < _devices.Length; rank++)
        {
            Await(connection, rank, _patience.Connect, isUrgent: false);
        }

        for (int rank = 0; rank < _devices.Length; rank++)
        {
            _watch.Launched(rank); // not before all are: the first time may take one of them longer than a sum may take
        }
    }

    private void Sum(int rank, Tensor part)
    {
        NcclConnection connection = _connection;
        _watch.Begin();
        connection.BeginSum(rank, _torch.AddressOf(part), part.NumberOfElements);
        Await(connection, rank, _patience.Sum, isUrgent: true);
        _watch.Launched(rank);
    }

    private void Await(NcclConnection connection, int rank, TimeSpan patience, bool isUrgent)
    {
        if (!connection.IsReady(rank, patience, isUrgent))
        {
            string reason = RankLostException.NotAllCame(_devices.Length, patience);
            connection.Break(reason);
            throw new RankLostException(reason);
        }
    }

    private sealed class Member(NcclLink link, int rank) : ICollective
    {
        public Tensor Partial(int rows) => link._own[rank].Next(rows);

        public void AddSum(Tensor residual, Tensor? bias)
        {
            Tensor part = Partial((int)residual.size(0));
            link.Sum(rank, part);
            ResidualSum.Add(residual, part, bias);
        }
    }
}

/// <summary>How long NCCL is waited for.</summary>
/// <param name="Connect">How long ranks may take to find each other.</param>
/// <param name="Sum">How long one waits for the others at a sum, and how long the devices may take for all that was launched.</param>
internal readonly record struct NcclPatience(TimeSpan Connect, TimeSpan Sum)
{
    /// <summary>Gets how long ranks may take to part: a second is nothing unusual, as when they find each other.</summary>
    public TimeSpan End => Connect > Sum ? Connect : Sum;
}
