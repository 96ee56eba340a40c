using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LocalBloom.AI.Native;

/// <summary>The driver's functions by which GPUs reach each other's memory, and the host's. Named as in cuda.h; thread-safe.</summary>
/// <remarks>Source: CUDA Driver API, sections "Peer Context Memory Access" and "Memory Management".</remarks>
internal sealed unsafe class CudaPeers
{
    private const int AlreadyEnabled = 704; // CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED

    private readonly CudaDriver _driver;
    private readonly delegate* unmanaged<int*, int, int> _deviceGet;
    private readonly delegate* unmanaged<int*, int, int, int> _deviceCanAccessPeer;
    private readonly delegate* unmanaged<nint, uint, int> _contextEnablePeerAccess;
    private readonly delegate* unmanaged<nint*, int> _contextGetCurrent;
    private readonly delegate* unmanaged<nint*, nuint, uint, int> _memHostAlloc;
    private readonly delegate* unmanaged<nint, int> _memFreeHost;

    /// <summary>Initializes a new instance of the <see cref="CudaPeers"/> class.</summary>
    /// <param name="driver">Knows the devices' contexts.</param>
    public CudaPeers(CudaDriver driver)
    {
        _driver = driver;
        nint library = NativeLibrary.Load(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1");
        _deviceGet = (delegate* unmanaged<int*, int, int>)NativeLibrary.GetExport(library, "cuDeviceGet");
        _deviceCanAccessPeer = (delegate* unmanaged<int*, int, int, int>)NativeLibrary.GetExport(library, "cuDeviceCanAccessPeer");
        _contextEnablePeerAccess = (delegate* unmanaged<nint, uint, int>)NativeLibrary.GetExport(library, "cuCtxEnablePeerAccess");
        _contextGetCurrent = (delegate* unmanaged<nint*, int>)NativeLibrary.GetExport(library, "cuCtxGetCurrent");
        _memHostAlloc = (delegate* unmanaged<nint*, nuint, uint, int>)NativeLibrary.GetExport(library, "cuMemHostAlloc");
        _memFreeHost = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cuMemFreeHost");
    }

    /// <summary>Gets whether a device can read and write another's memory.</summary>
    public bool CanReach(int device, int other)
    {
        int from, to, can;
        Check(_deviceGet(&from, device));
        Check(_deviceGet(&to, other));
        Check(_deviceCanAccessPeer(&can, from, to));
        return can != 0;
    }

    /// <summary>Lets a device read and write another's memory, for as long as the process lives.</summary>
    public void Reach(int device, int other)
    {
        nint context;
        _driver.Enter(other);
        Check(_contextGetCurrent(&context));
        _driver.Enter(device);
        int status = _contextEnablePeerAccess(context, 0);
        Check(status == AlreadyEnabled ? 0 : status);
    }

    /// <summary>Allocates host memory that every device reads and writes at the same address.</summary>
    /// <param name="device">Any device.</param>
    /// <param name="bytes">How much.</param>
    public nint AllocateHost(int device, int bytes)
    {
        const uint Portable = 1, DeviceMap = 2; // CU_MEMHOSTALLOC_PORTABLE, …_DEVICEMAP
        nint address;
        _driver.Enter(device);
        Check(_memHostAlloc(&address, (nuint)bytes, Portable | DeviceMap));
        return address;
    }

    /// <summary>Frees what <see cref="AllocateHost"/> gave.</summary>
    public void FreeHost(int device, nint address)
    {
        _driver.Enter(device);
        Check(_memFreeHost(address));
    }

    private static void Check(int status, [CallerArgumentExpression(nameof(status))] string? call = null)
    {
        if (status != 0)
        {
            throw new NativeCallException("CUDA", $"error {status}", call);
        }
    }
}
