using System.Globalization;

namespace LocalBloom.AI.Placement;

/// <summary>The host's memory, within what a container or a control group leaves of it.</summary>
internal static class HostMemory
{
    /// <summary>Gets the bytes that this process can still take.</summary>
    public static long Free() => Free("/proc", "/sys/fs/cgroup");

    /// <summary>Gets the bytes that this process can still take.</summary>
    /// <param name="processes">Where the kernel tells of processes and of memory; elsewhere than on Linux there is no such folder.</param>
    /// <param name="groups">Where the control groups are.</param>
    internal static long Free(string processes, string groups)
    {
        // MemAvailable counts file caches that would be given up. The runtime's figures do not, and are bounded by the managed heap's limit, to which
        // torch's memory is not subject: they are for systems that tell nothing else.
        if (Field(Path.Combine(processes, "meminfo"), "MemAvailable:") is not { } available)
        {
            GCMemoryInfo runtime = GC.GetGCMemoryInfo();
            return Math.Max(0, runtime.TotalAvailableMemoryBytes - runtime.MemoryLoadBytes);
        }

        return Math.Min(1024 * available, LeftByGroups(Path.Combine(processes, "self", "cgroup"), groups));
    }

    // A group has no more than those that it is in, whose limits all their groups share. In a container the path may be the host's: then its own group is
    // the topmost that is to be seen.
    private static long LeftByGroups(string own, string groups)
    {
        long left = long.MaxValue;
        foreach (string[] entry in File.Exists(own) ? File.ReadLines(own).Select(line => line.Split(':', 3)).Where(entry => entry.Length == 3) : [])
        {
            bool isFirstVersion = entry[1].Split(',').Contains("memory");
            if (!isFirstVersion && entry[1].Length > 0)
            {
                continue;
            }

            string top = isFirstVersion ? Path.Combine(groups, "memory") : groups;
            for (string? path = entry[2].Trim('/'); path is not null; path = path.Length == 0 ? null : Path.GetDirectoryName(path) ?? "")
            {
                string group = Path.Combine(top, path);
                left = Math.Min(left, isFirstVersion
                    ? LeftBy(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                    : LeftBy(group, "memory.max", "memory.current", "inactive_file"));
            }
        }

        return left;
    }

    // Files that nobody has read lately count as used, but are given up first.
    private static long LeftBy(string group, string limitFile, string usedFile, string cachedField)
    {
        if (Number(Path.Combine(group, limitFile)) is not { } limit || Number(Path.Combine(group, usedFile)) is not { } used)
        {
            return long.MaxValue; // no such group, or no limit: its file then says max
        }

        return Math.Max(0, limit - Math.Max(0, used - (Field(Path.Combine(group, "memory.stat"), cachedField) ?? 0)));
    }

    private static long? Number(string file) =>
        File.Exists(file) && long.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;

    private static long? Field(string file, string name)
    {
        string? line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(line => line.Split(' ', 2)[0] == name) : null;
        return line is not null && long.TryParse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : null;
    }
}
