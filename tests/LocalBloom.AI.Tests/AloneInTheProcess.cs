using System.Runtime.InteropServices;

namespace LocalBloom.AI.Tests;

/// <summary>Tests that count what the whole process has, memory or threads: nothing else runs while they do.</summary>
[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess : ICollectionFixture<AloneInTheProcess>
{
    private const int MmapThreshold = -3; // M_MMAP_THRESHOLD
    private const int OwnMapping = 1 << 20;

    /// <summary>Has blocks of a megabyte or more be the system's own mappings, which are gone when they are freed.</summary>
    /// <remarks>By itself glibc raises that bound to the largest block that was freed, up to 32 MiB, and then keeps twice as much at the top of each thread's heap.</remarks>
    public AloneInTheProcess()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = SetHeaps(MmapThreshold, OwnMapping);
        }
    }

    /// <summary>The process's own memory once nothing waits for the garbage collector.</summary>
    public static long Memory()
    {
        for (int i = 0; i < 2; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return Testing.ProcessMemory.Anonymous();
    }

    /// <summary>The same without what is free in the C library's heaps, which keeps pages of small blocks for later.</summary>
    public static long MemoryInUse()
    {
        _ = Memory();
        _ = TrimHeaps(0);
        return Testing.ProcessMemory.Anonymous();
    }

    // glibc's mallopt and malloc_trim; torch's native library needs glibc, too.
    [DllImport("libc", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetHeaps(int parameter, int value);

    [DllImport("libc", EntryPoint = "malloc_trim")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int TrimHeaps(nuint pad);
}
