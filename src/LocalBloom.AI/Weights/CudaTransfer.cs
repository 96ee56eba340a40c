using LocalBloom.AI.Native;

namespace LocalBloom.AI.Weights;

/// <summary>On a GPU: copies on a stream of its own, beside the computation. The host waits for nothing, unless slabs are not pinned.</summary>
internal sealed unsafe class CudaTransfer : ISlabTransfer
{
    // Slabs that are not pinned go through two pinned buffers: while the device copies one, the processor fills the other.
    private const long StagingBytes = 32 << 20;
    private const int StagingBuffers = 2;

    private readonly CudaStreams _cuda;
    private readonly int _device;
    private readonly IReadOnlyList<nint> _slots;
    private readonly long _bytes;
    private readonly List<Action> _givesBack = [];
    private readonly nint _stream;
    private readonly nint[] _filled;
    private readonly nint[] _retired;
    private readonly nint[] _staging = [];
    private readonly nint[] _staged = [];

    /// <summary>Initializes a new instance of the <see cref="CudaTransfer"/> class.</summary>
    /// <param name="cuda">The driver.</param>
    /// <param name="device">The device's ordinal.</param>
    /// <param name="slots">The slots' addresses on the device.</param>
    /// <param name="bytes">A slot's size.</param>
    /// <param name="isPinned">Whether slabs are pinned memory.</param>
    public CudaTransfer(CudaStreams cuda, int device, IReadOnlyList<nint> slots, long bytes, bool isPinned)
    {
        (_cuda, _device, _slots, _bytes) = (cuda, device, slots, bytes);
        try
        {
            _stream = Own(cuda.CreateStream(device), stream => cuda.DestroyStream(device, stream));
            _filled = Events(slots.Count);
            _retired = Events(slots.Count);
            if (!isPinned)
            {
                _staging = [.. Enumerable.Range(0, StagingBuffers).Select(_ => Own(cuda.AllocatePinned(device, Math.Min(StagingBytes, bytes)), buffer => cuda.FreePinned(device, buffer)))];
                _staged = Events(StagingBuffers);
            }
        }
        catch
        {
            _ = Disposal.All(Steps()); // what made it fail is what counts
            throw;
        }
    }

    /// <inheritdoc/>
    public void Store(int slot, nint slab) => _cuda.CopyToHost(_device, slab, _slots[slot], _bytes);

    /// <inheritdoc/>
    public void Fill(int slot, nint slab)
    {
        _cuda.Wait(_device, _stream, _retired[slot]);
        if (_staging.Length == 0)
        {
            _cuda.CopyToDevice(_device, _stream, _slots[slot], slab, _bytes);
        }
        else
        {
            FillThroughStaging(_slots[slot], slab);
        }

        _cuda.Record(_device, _filled[slot], _stream);
    }

    // Kernels may begin before those in front of them end, but none before what stands in the stream between them, such as this.
    /// <inheritdoc/>
    public void Await(int slot) => _cuda.Wait(_device, stream: 0, _filled[slot]);

    /// <inheritdoc/>
    public void Retire(int slot) => _cuda.Record(_device, _retired[slot], stream: 0);

    /// <inheritdoc/>
    public void Dispose() => Disposal.AllOrThrow(Steps());

    // What was made last comes first. Copies in flight still read slabs and write slots.
    private Action[] Steps()
    {
        Action[] wait = _givesBack.Count > 0 ? [() => _cuda.WaitForStream(_device, _stream)] : [];
        Action[] steps = [.. wait, .. _givesBack.AsEnumerable().Reverse()];
        _givesBack.Clear();
        return steps;
    }

    private void FillThroughStaging(nint slot, nint slab)
    {
        long most = Math.Min(StagingBytes, _bytes);
        for (long offset = 0, chunk = 0; offset < _bytes; offset += most, chunk++)
        {
            int i = (int)(chunk % StagingBuffers);
            long count = Math.Min(most, _bytes - offset);
            _cuda.WaitOnHost(_device, _staged[i]);
            Buffer.MemoryCopy((void*)(slab + (nint)offset), (void*)_staging[i], count, count);
            _cuda.CopyToDevice(_device, _stream, slot + (nint)offset, _staging[i], count);
            _cuda.Record(_device, _staged[i], _stream);
        }
    }

    private nint[] Events(int count) =>
        [.. Enumerable.Range(0, count).Select(_ => Own(_cuda.CreateEvent(_device), which => _cuda.DestroyEvent(_device, which)))];

    private nint Own(nint resource, Action<nint> giveBack)
    {
        _givesBack.Add(() => giveBack(resource));
        return resource;
    }
}
