using System.Globalization;

namespace LocalBloom.AI.Tests;

/// <summary>The most memory that something takes in passing. For tests of <see cref="AloneInTheProcess"/>; Linux alone counts it.</summary>
public static class PeakMemory
{
    /// <summary>What the managed heap and malloc's arenas may take besides.</summary>
    public const long Runtime = 24 << 20;

    /// <summary>Measures by how many bytes the process grows at most. Skips the test elsewhere than on Linux.</summary>
    public static long Of(Action action)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs /proc/self/clear_refs, which Linux alone has");
        AloneInTheProcess.Memory();
        File.WriteAllText("/proc/self/clear_refs", "5"); // the peak begins anew
        long before = Peak();

        action();

        return Math.Max(0, Peak() - before); // the kernel's counts are off by some pages
    }

    private static long Peak()
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
