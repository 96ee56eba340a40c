using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace LocalBloom.AI.Native;

/// <summary>The functions of NVIDIA's driver that we call, named as in cuda.h. They act on primary contexts, which torch uses too.</summary>
/// <remarks>Source: CUDA Driver API, sections "Primary Context Management" and "Memory Management", "Module Management" and "Execution Control". Thread-safe.</remarks>
internal sealed unsafe class CudaDriver
{
    private readonly delegate* unmanaged<int*, int, int> _deviceGet;
    private readonly delegate* unmanaged<byte*, int, int, int> _deviceGetName;
    private readonly delegate* unmanaged<nint*, int, int> _primaryContextRetain;
    private readonly delegate* unmanaged<nint, int> _contextSetCurrent;
    private readonly delegate* unmanaged<ulong*, nuint, int> _memAlloc;
    private readonly delegate* unmanaged<ulong, int> _memFree;
    private readonly delegate* unmanaged<nuint*, nuint*, int> _memGetInfo;
    private readonly delegate* unmanaged<int*, int, int, int> _deviceGetAttribute;
    private readonly delegate* unmanaged<nint*, void*, int> _moduleLoadData;
    private readonly delegate* unmanaged<nint, int> _moduleUnload;
    private readonly delegate* unmanaged<nint*, nint, byte*, int> _moduleGetFunction;
    private readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> _launchKernel;

    private readonly ConcurrentDictionary<int, nint> _contexts = new(); // kept for the process, as torch keeps them

    private CudaDriver(nint library)
    {
        _deviceGet = (delegate* unmanaged<int*, int, int>)NativeLibrary.GetExport(library, "cuDeviceGet");
        _deviceGetName = (delegate* unmanaged<byte*, int, int, int>)NativeLibrary.GetExport(library, "cuDeviceGetName");
        _primaryContextRetain = (delegate* unmanaged<nint*, int, int>)NativeLibrary.GetExport(library, "cuDevicePrimaryCtxRetain");
        _contextSetCurrent = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cuCtxSetCurrent");
        _memAlloc = (delegate* unmanaged<ulong*, nuint, int>)NativeLibrary.GetExport(library, "cuMemAlloc_v2");
        _memFree = (delegate* unmanaged<ulong, int>)NativeLibrary.GetExport(library, "cuMemFree_v2");
        _memGetInfo = (delegate* unmanaged<nuint*, nuint*, int>)NativeLibrary.GetExport(library, "cuMemGetInfo_v2");

        _deviceGetAttribute = (delegate* unmanaged<int*, int, int, int>)NativeLibrary.GetExport(library, "cuDeviceGetAttribute");
        _moduleLoadData = (delegate* unmanaged<nint*, void*, int>)NativeLibrary.GetExport(library, "cuModuleLoadData");
        _moduleUnload = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cuModuleUnload");
        _moduleGetFunction = (delegate* unmanaged<nint*, nint, byte*, int>)NativeLibrary.GetExport(library, "cuModuleGetFunction");
        _launchKernel = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)
            NativeLibrary.GetExport(library, "cuLaunchKernel");

        var init = (delegate* unmanaged<uint, int>)NativeLibrary.GetExport(library, "cuInit");
        var deviceGetCount = (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(library, "cuDeviceGetCount");
        int count = 0;
        DeviceCount = init(0) == 0 && deviceGetCount(&count) == 0 ? count : 0;
    }

    /// <summary>Gets the number of CUDA devices that the process sees.</summary>
    public int DeviceCount { get; }

    /// <summary>Opens the driver.</summary>
    /// <returns>Null where the machine has none.</returns>
    public static CudaDriver? TryOpen() =>
        NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out nint library) ? new CudaDriver(library) : null;

    /// <summary>Gets a device's name, for example <c>NVIDIA H200</c>.</summary>
    public string Name(int device)
    {
        const int Capacity = 256;
        byte* name = stackalloc byte[Capacity];
        Check(_deviceGetName(name, Capacity, Handle(device)));
        return Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name));
    }

    /// <summary>Makes a device's primary context this thread's own; it is created if the process has none yet.</summary>
    public void Enter(int device)
    {
        nint context = _contexts.GetOrAdd(device, static (device, driver) => driver.Retain(device), this);
        Check(_contextSetCurrent(context));
    }

    /// <summary>Gets a device's free and total memory in bytes.</summary>
    public (long Free, long Total) Memory(int device)
    {
        Enter(device);
        nuint free, total;
        Check(_memGetInfo(&free, &total));
        return ((long)free, (long)total);
    }

    /// <summary>Allocates device memory, aligned to 256 bytes at least.</summary>
    /// <exception cref="PlacementException">The device has no such room.</exception>
    public nint Allocate(int device, long bytes)
    {
        const int OutOfMemory = 2; // CUDA_ERROR_OUT_OF_MEMORY
        Enter(device);
        ulong address;
        int status = _memAlloc(&address, checked((nuint)bytes));
        if (status == OutOfMemory)
        {
            throw new PlacementException(
                $"cuda:{device} has no room for {ByteSize.Format(bytes)}: {ByteSize.Format(Memory(device).Free)} are free. " +
                "Free memory there, add a device, or lower MaxContextTokens.");
        }

        Check(status);
        return (nint)address;
    }

    /// <summary>Frees what <see cref="Allocate"/> gave.</summary>
    public void Free(int device, nint address)
    {
        Enter(device);
        Check(_memFree((ulong)address));
    }

    /// <summary>Gets the architecture that code for a device is compiled for, for example <c>sm_90</c>.</summary>
    public string Architecture(int device)
    {
        const int Major = 75, Minor = 76; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, …_MINOR
        int major, minor;
        Check(_deviceGetAttribute(&major, Major, Handle(device)));
        Check(_deviceGetAttribute(&minor, Minor, Handle(device)));
        return $"sm_{major}{minor}";
    }

    /// <summary>Loads machine code; <see cref="CudaModule"/> owns the result.</summary>
    public nint LoadModule(int device, byte[] cubin)
    {
        Enter(device);
        nint module;
        fixed (byte* code = cubin)
        {
            Check(_moduleLoadData(&module, code));
        }

        return module;
    }

    /// <summary>Unloads what <see cref="LoadModule"/> gave.</summary>
    public void UnloadModule(int device, nint module)
    {
        Enter(device);
        Check(_moduleUnload(module));
    }

    /// <summary>Gets a kernel of a module.</summary>
    public nint GetFunction(nint module, string name)
    {
        nint function;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
        {
            Check(_moduleGetFunction(&function, module, text));
        }

        return function;
    }

    /// <summary>Launches a kernel on the legacy default stream, where torch works too.</summary>
    public void Launch(int device, nint function, (int X, int Y) grid, (int X, int Y) block, void** arguments)
    {
        Enter(device);
        Check(_launchKernel(function, (uint)grid.X, (uint)grid.Y, 1, (uint)block.X, (uint)block.Y, 1, 0, 0, arguments, null));
    }

    private nint Retain(int device)
    {
        nint context;
        Check(_primaryContextRetain(&context, Handle(device)));
        return context;
    }

    private int Handle(int device)
    {
        int handle;
        Check(_deviceGet(&handle, device));
        return handle;
    }

    private static void Check(int status, [CallerArgumentExpression(nameof(status))] string? call = null)
    {
        if (status != 0)
        {
            throw new NativeCallException("CUDA", $"error {status}", call);
        }
    }
}
