using System.Globalization;
using System.Runtime.InteropServices;

namespace LocalBloom.AI.Native;

/// <summary>NVIDIA's library of sums over GPUs. It comes with every CUDA torch for Linux. Functions are named as in nccl.h.</summary>
/// <remarks>
/// Source: NCCL 2.19 to 2.28, src/nccl.h.in. A configuration says by its size and its version which fields it has, and later versions read older ones:
/// what is given is that of 2.18.
/// </remarks>
internal sealed unsafe class Nccl : INccl
{
    /// <summary>What NCCL takes of each GPU's memory at most, for its code and for the buffers of <see cref="MostBlocks"/> channels.</summary>
    public const long ReservedBytes = 300_000_000;

    private const string Library = "libnccl.so.2";

    // Enough to fill what joins GPUs that have no direct way; each takes a multiprocessor, and some 20 MB.
    private const int MostBlocks = 4;

    // Earlier ones keep what a communicator has begun for the thread that began it: no other could end it.
    private const int LeastVersion = 21900;

    private const int Float32 = 7, Sum = 0;
    private const int Undefined = int.MinValue; // NCCL_CONFIG_UNDEF_INT

    private readonly CudaDriver _driver;
    private readonly delegate* unmanaged<NcclId*, int> _getUniqueId;
    private readonly delegate* unmanaged<nint*, int, NcclId, int, Configuration*, int> _commInitRankConfig;
    private readonly delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int> _allReduce;
    private readonly delegate* unmanaged<nint, int*, int> _commGetAsyncError;
    private readonly delegate* unmanaged<nint, int> _commAbort;
    private readonly delegate* unmanaged<int, byte*> _getErrorString;
    private readonly delegate* unmanaged<nint, byte*> _getLastError;

    private Nccl(CudaDriver driver, nint library, int version)
    {
        (_driver, Version) = (driver, VersionText(version));
        _getUniqueId = (delegate* unmanaged<NcclId*, int>)NativeLibrary.GetExport(library, "ncclGetUniqueId");
        _commInitRankConfig = (delegate* unmanaged<nint*, int, NcclId, int, Configuration*, int>)NativeLibrary.GetExport(library, "ncclCommInitRankConfig");
        _allReduce = (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, int>)NativeLibrary.GetExport(library, "ncclAllReduce");
        _commGetAsyncError = (delegate* unmanaged<nint, int*, int>)NativeLibrary.GetExport(library, "ncclCommGetAsyncError");
        _commAbort = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "ncclCommAbort");
        _getErrorString = (delegate* unmanaged<int, byte*>)NativeLibrary.GetExport(library, "ncclGetErrorString");
        _getLastError = (delegate* unmanaged<nint, byte*>)NativeLibrary.GetExport(library, "ncclGetLastError");
    }

    /// <inheritdoc/>
    public string Version { get; }

    /// <summary>Opens the library.</summary>
    /// <param name="driver">Knows the devices' contexts.</param>
    /// <param name="torchFolder">Where torch's libraries are: NCCL lies there, or in the packages beside.</param>
    /// <returns>NCCL; or null, and why.</returns>
    public static (Nccl? Nccl, string? Problem) TryOpen(CudaDriver? driver, string torchFolder)
    {
        nint library = OperatingSystem.IsLinux() ? TorchLibraries.OpenBeside(torchFolder, Library) : 0;
        if (driver is null || library == 0)
        {
            return (null, $"NCCL, {Library}, is not beside torch");
        }

        int version;
        _ = ((delegate* unmanaged<int*, int>)NativeLibrary.GetExport(library, "ncclGetVersion"))(&version);
        return ProblemOf(version) is { } problem ? (null, problem) : (new Nccl(driver, library, version), null);
    }

    /// <summary>Says why a version will not do; null where it does.</summary>
    /// <param name="version">NCCL_VERSION_CODE.</param>
    internal static string? ProblemOf(int version) =>
        version < LeastVersion ? $"NCCL {VersionText(version)} is older than {VersionText(LeastVersion)}" : null;

    /// <summary>Joins what NCCL says of an error in general and of the last one.</summary>
    internal static string Describe(string error, string last)
    {
        string detail = last.ReplaceLineEndings(" ").Trim();
        return detail.Length == 0 ? error : $"{error}: {detail}";
    }

    /// <inheritdoc/>
    public NcclStatus NewId(out NcclId id)
    {
        fixed (NcclId* made = &id)
        {
            return (NcclStatus)_getUniqueId(made);
        }
    }

    /// <inheritdoc/>
    public NcclStatus BeginConnect(NcclId id, int ranks, int rank, int device, out nint communicator)
    {
        var configuration = new Configuration
        {
            Size = (nuint)sizeof(Configuration),
            Magic = 0xcafebeef,
            Version = 21800,
            Blocking = 0,
            CgaClusterSize = Undefined,
            MinCtas = Undefined,
            MaxCtas = MostBlocks,
            NetName = 0,
            SplitShare = Undefined,
        };
        _driver.Enter(device);
        nint made = 0;
        int status = _commInitRankConfig(&made, ranks, id, rank, &configuration);
        communicator = made;
        return (NcclStatus)status;
    }

    /// <inheritdoc/>
    public NcclStatus BeginSum(nint communicator, int device, nint address, long count)
    {
        _driver.Enter(device);
        return (NcclStatus)_allReduce(address, address, (nuint)count, Float32, Sum, communicator, 0);
    }

    /// <inheritdoc/>
    public NcclStatus StateOf(nint communicator)
    {
        int state;
        int status = _commGetAsyncError(communicator, &state);
        return (NcclStatus)(status != 0 ? status : state);
    }

    /// <inheritdoc/>
    public void Abort(nint communicator) => _ = _commAbort(communicator);

    /// <inheritdoc/>
    public string Explain(NcclStatus status) => Describe(Text(_getErrorString((int)status)), Text(_getLastError(0))); // the last error is the library's

    private static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";

    // NCCL_VERSION, which had one digit for the minor version up to 2.8.
    private static string VersionText(int version)
    {
        int major = version / (version < 10000 ? 1000 : 10000);
        return string.Create(CultureInfo.InvariantCulture, $"{major}.{version / 100 % (version < 10000 ? 10 : 100)}.{version % 100}");
    }

    // ncclConfig_t of 2.18.
    [StructLayout(LayoutKind.Sequential)]
    private struct Configuration
    {
        public nuint Size;
        public uint Magic;
        public uint Version;
        public int Blocking;
        public int CgaClusterSize;
        public int MinCtas;
        public int MaxCtas;
        public nint NetName;
        public int SplitShare;
    }
}
