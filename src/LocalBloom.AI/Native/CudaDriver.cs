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
    private readonly delegate* unmanaged<nint, int, int, int> _functionSetAttribute;
    private readonly delegate* unmanaged<LaunchConfig*, nint, void**, void**, int> _launchKernel;

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
        _functionSetAttribute = (delegate* unmanaged<nint, int, int, int>)NativeLibrary.GetExport(library, "cuFuncSetAttribute");
        _launchKernel = (delegate* unmanaged<LaunchConfig*, nint, void**, void**, int>)NativeLibrary.GetExport(library, "cuLaunchKernelEx");

        var init = (delegate* unmanaged<uint, int>)NativeLibrary.GetExport(library, "cuInit");
        var deviceGetCount = (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(library, "cuDeviceGetCount");
        int count = 0;
        DeviceCount = init(0) == 0 && deviceGetCount(&count) == 0 ? count : 0;
    }

    /// <summary>Gets the least compute capability whose tensor cores know both 16-bit types.</summary>
    public static (int Major, int Minor) Ampere => (8, 0);

    /// <summary>Gets the compute capability of the H100 and its kin, whose matrix instructions neither older nor newer GPUs have.</summary>
    public static (int Major, int Minor) Hopper => (9, 0);

    /// <summary>Gets the number of CUDA devices that the process sees.</summary>
    public int DeviceCount { get; }

    /// <summary>Opens the driver.</summary>
    /// <returns>Null where the machine has none, or one from before CUDA 11.8, which no torch that we know works with.</returns>
    public static CudaDriver? TryOpen() =>
        NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out nint library) &&
        NativeLibrary.TryGetExport(library, "cuLaunchKernelEx", out _) ? new CudaDriver(library) : null;

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

    /// <summary>Gets the architecture that code for a device is compiled for, for example <c>sm_90a</c>: with what only this generation has, where we use that.</summary>
    public string Architecture(int device)
    {
        (int major, int minor) = ComputeCapability(device);
        return (major, minor) == Hopper ? "sm_90a" : $"sm_{major}{minor}";
    }

    /// <summary>Gets a device's compute capability, for example 9.0 of Hopper.</summary>
    public (int Major, int Minor) ComputeCapability(int device) => (Attribute(device, 75), Attribute(device, 76)); // …_COMPUTE_CAPABILITY_MAJOR, …_MINOR

    /// <summary>Gets how many multiprocessors a device has.</summary>
    public int Multiprocessors(int device) => Attribute(device, 16); // CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT

    /// <summary>Gets the most shared memory that a block may ask for, in bytes.</summary>
    public int MaxSharedBytes(int device) => Attribute(device, 97); // CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN

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

    /// <summary>Lets a kernel have more shared memory than every kernel may.</summary>
    public void AllowShared(int device, nint function, int bytes)
    {
        const int MaxDynamicSharedBytes = 8; // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        Enter(device);
        Check(_functionSetAttribute(function, MaxDynamicSharedBytes, bytes));
    }

    /// <summary>Launches a kernel on the legacy default stream, where torch works too.</summary>
    /// <param name="device">The device's ordinal.</param>
    /// <param name="function">The kernel.</param>
    /// <param name="shape">How it is spread.</param>
    /// <param name="mayOverlap">Whether it may begin before the kernel in front of it ends: it must wait by itself for what that one does.</param>
    /// <param name="arguments">Where each argument is.</param>
    public void Launch(int device, nint function, in LaunchShape shape, bool mayOverlap, void** arguments)
    {
        Enter(device);
        var overlap = new LaunchAttribute { Id = LaunchAttribute.ProgrammaticStreamSerialization, Value = 1 };
        var config = new LaunchConfig
        {
            GridX = shape.Grid.X,
            GridY = shape.Grid.Y,
            GridZ = 1,
            BlockX = shape.Block.X,
            BlockY = shape.Block.Y,
            BlockZ = 1,
            SharedBytes = shape.SharedBytes,
            Attributes = &overlap,
            AttributeCount = mayOverlap ? 1u : 0,
        };
        Check(_launchKernel(&config, function, arguments, null));
    }

    private int Attribute(int device, int attribute)
    {
        int value;
        Check(_deviceGetAttribute(&value, attribute, Handle(device)));
        return value;
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

    // CUlaunchConfig
    [StructLayout(LayoutKind.Sequential)]
    private struct LaunchConfig
    {
        public int GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
        public nint Stream;
        public LaunchAttribute* Attributes;
        public uint AttributeCount;
    }

    // CUlaunchAttribute, of whose value we use the first word
    [StructLayout(LayoutKind.Explicit, Size = 72)]
    private struct LaunchAttribute
    {
        public const int ProgrammaticStreamSerialization = 6;

        [FieldOffset(0)]
        public int Id;

        [FieldOffset(8)]
        public int Value;
    }
}
