using System.Globalization;

namespace LocalBloom.AI.Testing;

/// <summary>What the operating system counts for this process.</summary>
public static class ProcessMemory
{
    /// <summary>Gets the bytes of resident anonymous memory: what no file backs. Linux only.</summary>
    public static long Anonymous()
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
