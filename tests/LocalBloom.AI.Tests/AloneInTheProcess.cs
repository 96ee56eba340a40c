using System.Runtime.InteropServices;

namespace LocalBloom.AI.Tests;

/// <summary>Tests that count what the whole process has, memory or threads: nothing else runs while they do.</summary>
[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess
{
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

    // glibc's malloc_trim; torch's native library needs glibc, too.
    [DllImport("libc", EntryPoint = "malloc_trim")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int TrimHeaps(nuint pad);
}
