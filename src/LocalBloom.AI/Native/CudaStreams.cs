using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LocalBloom.AI.Native;

/// <summary>The driver's functions for copies beside the computation: pinned memory, streams and events, named as in cuda.h. Thread-safe.</summary>
/// <remarks>
/// Source: CUDA Driver API, sections "Memory Management", "Stream Management" and "Event Management". A stream of 0 is the legacy default one, where
/// torch and our kernels work; ours do not wait for it unless told to.
/// </remarks>
internal sealed unsafe class CudaStreams
{
    private readonly CudaDriver _driver;
    private readonly delegate* unmanaged<nint*, nuint, uint, int> _memHostAlloc;
    private readonly delegate* unmanaged<nint, int> _memFreeHost;
    private readonly delegate* unmanaged<ulong, nint, nuint, nint, int> _memcpyHtoDAsync;
    private readonly delegate* unmanaged<nint, ulong, nuint, int> _memcpyDtoH;
    private readonly delegate* unmanaged<nint*, uint, int> _streamCreate;
    private readonly delegate* unmanaged<nint, int> _streamDestroy;
    private readonly delegate* unmanaged<nint, int> _streamSynchronize;
    private readonly delegate* unmanaged<nint, nint, uint, int> _streamWaitEvent;
    private readonly delegate* unmanaged<nint*, uint, int> _eventCreate;
    private readonly delegate* unmanaged<nint, int> _eventDestroy;
    private readonly delegate* unmanaged<nint, nint, int> _eventRecord;
    private readonly delegate* unmanaged<nint, int> _eventSynchronize;
    private readonly delegate* unmanaged<nint, int> _eventQuery;

    /// <summary>Initializes a new instance of the <see cref="CudaStreams"/> class.</summary>
    /// <param name="driver">Makes devices' contexts current.</param>
    public CudaStreams(CudaDriver driver)
    {
        _driver = driver;
        nint library = NativeLibrary.Load(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1");
        _memHostAlloc = (delegate* unmanaged<nint*, nuint, uint, int>)NativeLibrary.GetExport(library, "cuMemHostAlloc");
        _memFreeHost = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cuMemFreeHost");
        _memcpyHtoDAsync = (delegate* unmanaged<ulong, nint, nuint, nint, int>)NativeLibrary.GetExport(library, "cuMemcpyHtoDAsync_v2");
        _memcpyDtoH = (delegate* unmanaged<nint, ulong, nuint, int>)NativeLibrary.GetExport(library, "cuMemcpyDtoH_v2");
        _streamCreate = (delegate* unmanaged<nint*, uint, int>)NativeLibrary.GetExport(library, "cuStreamCreate");
        _streamDestroy = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cuStreamDestroy_v2");
        _streamSynchronize = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cuStreamSynchronize");
        _streamWaitEvent = (delegate* unmanaged<nint, nint, uint, int>)NativeLibrary.GetExport(library, "cuStreamWaitEvent");
        _eventCreate = (delegate* unmanaged<nint*, uint, int>)NativeLibrary.GetExport(library, "cuEventCreate");
        _eventDestroy = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cuEventDestroy_v2");
        _eventRecord = (delegate* unmanaged<nint, nint, int>)NativeLibrary.GetExport(library, "cuEventRecord");
        _eventSynchronize = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cuEventSynchronize");
        _eventQuery = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cuEventQuery");
    }

    /// <summary>Takes host memory that a device copies without the processor.</summary>
    /// <exception cref="PlacementException">The host has no such room.</exception>
    public nint AllocatePinned(int device, long bytes)
    {
        const int OutOfMemory = 2; // CUDA_ERROR_OUT_OF_MEMORY
        _driver.Enter(device);
        nint address;
        int status = _memHostAlloc(&address, checked((nuint)bytes), 0);
        if (status == OutOfMemory)
        {
            throw new PlacementException(
                $"The host has no room for another {ByteSize.Format(bytes)} of pinned memory, in which layers wait that are not on cuda:{device}. " +
                "Free memory, raise MemoryLimit, or use Int8.");
        }

        Check(status);
        return address;
    }

    /// <summary>Frees what <see cref="AllocatePinned"/> gave.</summary>
    public void FreePinned(int device, nint address)
    {
        _driver.Enter(device);
        Check(_memFreeHost(address));
    }

    /// <summary>Makes a stream that does not wait for the legacy default one.</summary>
    public nint CreateStream(int device)
    {
        const uint NonBlocking = 1; // CU_STREAM_NON_BLOCKING
        _driver.Enter(device);
        nint stream;
        Check(_streamCreate(&stream, NonBlocking));
        return stream;
    }

    /// <summary>Gives a stream back; what it was given is still done.</summary>
    public void DestroyStream(int device, nint stream)
    {
        _driver.Enter(device);
        Check(_streamDestroy(stream));
    }

    /// <summary>Makes an event; one that was never recorded lets pass whoever waits for it.</summary>
    public nint CreateEvent(int device)
    {
        const uint DisableTiming = 2; // CU_EVENT_DISABLE_TIMING
        _driver.Enter(device);
        nint created;
        Check(_eventCreate(&created, DisableTiming));
        return created;
    }

    /// <summary>Gives an event back.</summary>
    public void DestroyEvent(int device, nint which)
    {
        _driver.Enter(device);
        Check(_eventDestroy(which));
    }

    /// <summary>Marks the point that a stream's work has come to.</summary>
    public void Record(int device, nint which, nint stream)
    {
        _driver.Enter(device);
        Check(_eventRecord(which, stream));
    }

    /// <summary>Has a stream's later work wait for the point that an event marks now.</summary>
    public void Wait(int device, nint stream, nint which)
    {
        _driver.Enter(device);
        Check(_streamWaitEvent(stream, which, 0));
    }

    /// <summary>Has the calling thread wait for the point that an event marks.</summary>
    public void WaitOnHost(int device, nint which)
    {
        _driver.Enter(device);
        Check(_eventSynchronize(which));
    }

    /// <summary>Gets whether a stream has come to the point that an event marks; so it has where none was recorded.</summary>
    public bool HasPassed(int device, nint which)
    {
        const int NotReady = 600; // CUDA_ERROR_NOT_READY
        _driver.Enter(device);
        int status = _eventQuery(which);
        Check(status == NotReady ? 0 : status);
        return status == 0;
    }

    /// <summary>Has the calling thread wait for all of a stream's work.</summary>
    public void WaitForStream(int device, nint stream)
    {
        _driver.Enter(device);
        Check(_streamSynchronize(stream));
    }

    /// <summary>Copies pinned memory to a device, in a stream's order.</summary>
    public void CopyToDevice(int device, nint stream, nint destination, nint source, long bytes)
    {
        _driver.Enter(device);
        Check(_memcpyHtoDAsync((ulong)destination, source, (nuint)bytes, stream));
    }

    /// <summary>Copies a device's memory to the host's, once the legacy default stream has done its work; returns when it is there.</summary>
    public void CopyToHost(int device, nint destination, nint source, long bytes)
    {
        _driver.Enter(device);
        Check(_memcpyDtoH(destination, (ulong)source, (nuint)bytes));
    }

    private static void Check(int status, [CallerArgumentExpression(nameof(status))] string? call = null)
    {
        if (status != 0)
        {
            throw new NativeCallException("CUDA", $"error {status}", call);
        }
    }
}
