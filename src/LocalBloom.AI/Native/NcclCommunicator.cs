using System.Runtime.InteropServices;

namespace LocalBloom.AI.Native;

/// <summary>One rank's end of NCCL. Disposing aborts it, but not under a call: then the last call to return does.</summary>
internal sealed class NcclCommunicator : SafeHandle
{
    private readonly INccl _nccl;
    private readonly int _device;
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Initializes a new instance of the <see cref="NcclCommunicator"/> class.</summary>
    /// <param name="nccl">NCCL.</param>
    /// <param name="communicator">What <see cref="INccl.BeginConnect"/> gave.</param>
    /// <param name="device">The rank's device's ordinal.</param>
    public NcclCommunicator(INccl nccl, nint communicator, int device)
        : base(0, ownsHandle: true)
    {
        (_nccl, _device) = (nccl, device);
        SetHandle(communicator);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Gets what completes once it is aborted.</summary>
    public Task Released => _released.Task;

    /// <inheritdoc cref="INccl.StateOf"/>
    /// <exception cref="ObjectDisposedException">It is aborted.</exception>
    public NcclStatus State() => Call(static (owner, handle, _, _) => owner._nccl.StateOf(handle), 0, 0);

    /// <inheritdoc cref="INccl.BeginSum"/>
    /// <exception cref="ObjectDisposedException">It is aborted.</exception>
    public NcclStatus BeginSum(nint address, long count) =>
        Call(static (owner, handle, address, count) => owner._nccl.BeginSum(handle, owner._device, address, count), address, count);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _nccl.Abort(handle);
        _released.SetResult();
        return true;
    }

    private NcclStatus Call(Func<NcclCommunicator, nint, nint, long, NcclStatus> call, nint address, long count)
    {
        bool isHeld = false;
        try
        {
            DangerousAddRef(ref isHeld);
            return call(this, handle, address, count);
        }
        finally
        {
            if (isHeld)
            {
                DangerousRelease();
            }
        }
    }
}
