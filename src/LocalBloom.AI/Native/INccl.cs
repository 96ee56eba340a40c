namespace LocalBloom.AI.Native;

/// <summary>What is asked of NCCL: communicators that never block, and sums over their ranks. Any thread may call, but of one communicator one at a time.</summary>
internal interface INccl
{
    /// <summary>Gets the library's version, for people.</summary>
    string Version { get; }

    /// <summary>Gets what names a group of communicators that are to be joined.</summary>
    NcclStatus NewId(out NcclId id);

    /// <summary>Begins to join a rank to the others.</summary>
    /// <param name="id">The group's.</param>
    /// <param name="ranks">How many there are.</param>
    /// <param name="rank">Which this is.</param>
    /// <param name="device">Its device's ordinal.</param>
    /// <param name="communicator">To be given to <see cref="Abort"/> in the end; 0 where none was made.</param>
    NcclStatus BeginConnect(NcclId id, int ranks, int rank, int device, out nint communicator);

    /// <summary>Begins to launch a rank's part in a sum over all ranks, on the device's legacy default stream.</summary>
    /// <param name="communicator">The rank's.</param>
    /// <param name="device">Its device's ordinal.</param>
    /// <param name="address">Of the rank's numbers, float32, in whose place the sum comes.</param>
    /// <param name="count">How many.</param>
    NcclStatus BeginSum(nint communicator, int device, nint address, long count);

    /// <summary>Gets what has become of what was begun.</summary>
    NcclStatus StateOf(nint communicator);

    /// <summary>Ends all that a communicator does, on the device too, and frees it once all ranks' are. May block while a device ends its work.</summary>
    void Abort(nint communicator);

    /// <summary>Says what went wrong, in NCCL's words.</summary>
    string Explain(NcclStatus status);
}

/// <summary>ncclResult_t, of which only these two matter to us.</summary>
internal enum NcclStatus
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>Not done yet.</summary>
    InProgress = 7,
}

/// <summary>ncclUniqueId.</summary>
internal unsafe struct NcclId
{
    /// <summary>NCCL's own.</summary>
    public fixed byte Internal[128];
}
