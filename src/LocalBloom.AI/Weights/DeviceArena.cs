using System.Runtime.InteropServices;
using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>One block of a device's memory, taken once, from which weights, cache and work buffers are cut.</summary>
/// <remarks>
/// Torch's caching allocator can be neither measured nor emptied from here; what this owns is exact, and disposing gives all of it back.
/// Not thread-safe: it belongs to the engine thread.
/// </remarks>
internal sealed unsafe class DeviceArena : IDisposable
{
    /// <summary>Every tensor starts at a multiple of this many bytes: what cuMemAlloc promises, and enough for any vector load.</summary>
    public const int Alignment = 256;

    // glibc keeps what is freed of smaller blocks, for each thread's heap; from its largest mmap threshold on, a block is the system's own mapping,
    // and freeing it gives it back. Pages that are not touched take no memory.
    private const long LeastHostBytes = 32 << 20;

    private readonly TorchNative _torch;
    private readonly CudaDriver? _driver;
    private readonly List<Tensor> _tensors = [];
    private readonly bool _ownsMemory = true;
    private nint _address;

    /// <summary>Initializes a new instance of the <see cref="DeviceArena"/> class, taking its memory.</summary>
    /// <param name="torch">Wraps memory as tensors.</param>
    /// <param name="driver">CUDA's driver; null where there is none.</param>
    /// <param name="device">Whose memory.</param>
    /// <param name="capacity">Bytes.</param>
    /// <exception cref="PlacementException">The device has no such room.</exception>
    public DeviceArena(TorchNative torch, CudaDriver? driver, BloomDevice device, long capacity)
    {
        _torch = torch;
        _driver = driver;
        Device = device;
        Capacity = capacity;
        _address = device.Kind is DeviceKind.Cuda ? driver!.Allocate(device.Index, capacity) : AllocateHost(capacity);
    }

    private DeviceArena(DeviceArena within, nint address, long capacity)
    {
        (_torch, _driver, Device, Capacity) = (within._torch, within._driver, within.Device, capacity);
        (_address, _ownsMemory) = (address, false);
    }

    /// <summary>Gets the device whose memory this is.</summary>
    public BloomDevice Device { get; }

    /// <summary>Gets the bytes taken from the device.</summary>
    public long Capacity { get; }

    /// <summary>Gets the bytes that tensors have, alignment included.</summary>
    public long Used { get; private set; }

    /// <summary>Gets the bytes that a tensor of this shape uses, alignment included.</summary>
    public static long SizeOf(ScalarType type, params ReadOnlySpan<long> shape)
    {
        long bytes = type.ElementSize();
        foreach (long size in shape)
        {
            bytes = checked(bytes * size);
        }

        return (bytes + Alignment - 1) / Alignment * Alignment;
    }

    /// <summary>Lays tensors over memory that is cut from this arena already; disposing disposes them alone.</summary>
    /// <param name="address">Aligned as <see cref="Alignment"/> says.</param>
    /// <param name="capacity">Bytes.</param>
    public DeviceArena Over(nint address, long capacity) => new(this, address, capacity);

    /// <summary>Cuts a tensor from the arena; its content is undefined.</summary>
    /// <returns>A tensor that lives as long as the arena and is disposed by it.</returns>
    public Tensor Allocate(ScalarType type, params ReadOnlySpan<long> shape)
    {
        ObjectDisposedException.ThrowIf(_address == 0, this);
        long bytes = SizeOf(type, shape);
        if (bytes > Capacity - Used)
        {
            throw new InvalidOperationException($"The plan for {Device} reserved {Capacity} bytes, but {Used + bytes} are needed.");
        }

        Tensor tensor = _torch.Wrap(_address + (nint)Used, type, Device.ToTorch(), shape);
        _tensors.Add(tensor);
        Used += bytes;
        return tensor;
    }

    /// <summary>Sees the arena as bytes.</summary>
    /// <param name="most">At most so many.</param>
    /// <returns>[bytes], int8: a view that the caller disposes.</returns>
    public Tensor Whole(long most) => _torch.Wrap(_address, ScalarType.Int8, Device.ToTorch(), [Math.Min(most, Capacity)]);

    /// <summary>Takes over a view of the arena's memory, to be disposed with it.</summary>
    /// <returns>The same view.</returns>
    public Tensor Own(Tensor view)
    {
        _tensors.Add(view.DetachFromDisposeScope());
        return view;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor tensor in _tensors)
        {
            tensor.Dispose();
        }

        _tensors.Clear();
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address == 0 || !_ownsMemory)
        {
            return;
        }

        if (Device.Kind is DeviceKind.Cuda)
        {
            try
            {
                cuda.synchronize(Device.ToTorch()); // kernels in flight may still read it
            }
            finally
            {
                _driver!.Free(Device.Index, address);
            }
        }
        else
        {
            NativeMemory.AlignedFree((void*)address);
        }
    }

    private nint AllocateHost(long capacity)
    {
        try
        {
            return (nint)NativeMemory.AlignedAlloc(checked((nuint)Math.Max(capacity, LeastHostBytes)), Alignment);
        }
        catch (OutOfMemoryException)
        {
            throw new PlacementException($"{Device} has no room for {ByteSize.Format(capacity)}. Lower MaxContextTokens, or use a smaller model.");
        }
    }
}
