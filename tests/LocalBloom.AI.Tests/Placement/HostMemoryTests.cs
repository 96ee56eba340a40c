using System.Globalization;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Tests.Loading;

namespace LocalBloom.AI.Tests.Placement;

public sealed class HostMemoryTests : IDisposable
{
    private const long MiB = 1 << 20;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Machine_HasSome() => Assert.InRange(HostMemory.Free(), 1, MachineBytes());

    [Theory]
    [InlineData(512)]
    [InlineData(1 << 20)] // more than the managed heap may have on any machine that runs this
    public void WithoutGroups_ItIsWhatTheKernelSays(int available) => Assert.Equal(available * MiB, Free(available));

    [Fact]
    public void WhereNoKernelTells_TheRuntimeDoes() =>
        Assert.InRange(HostMemory.Free(_folder.File("none"), _folder.File("none")), 0, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    [Theory]
    [InlineData("0::/", "")]
    [InlineData("0::/a/b", "a/b")]
    [InlineData("0::/a/b", "a")] // all of a group share its limit
    [InlineData("0::/system.slice/docker-1.scope", "")] // the host's path, seen from within
    public void SecondVersion_LeavesWhatIsNotUsed(string own, string limited)
    {
        Write(Path.Combine("cgroup", limited, "memory.max"), $"{256 * MiB}\n");
        Write(Path.Combine("cgroup", limited, "memory.current"), $"{100 * MiB}\n");
        Write(Path.Combine("cgroup", limited, "memory.stat"), $"anon {60 * MiB}\nfile {40 * MiB}\ninactive_file {30 * MiB}\nactive_file {10 * MiB}\n");

        Assert.Equal(186 * MiB, Free(available: 512, own));
    }

    [Theory]
    [InlineData("12:pids:/x\n4:cpu,memory:/a\n0::/", "a")]
    [InlineData("4:memory:/docker/1\n0::/", "")]
    public void FirstVersion_LeavesWhatIsNotUsed(string own, string limited)
    {
        Write(Path.Combine("cgroup", "memory", limited, "memory.limit_in_bytes"), $"{256 * MiB}\n");
        Write(Path.Combine("cgroup", "memory", limited, "memory.usage_in_bytes"), $"{100 * MiB}\n");
        Write(Path.Combine("cgroup", "memory", limited, "memory.stat"), $"cache {40 * MiB}\ninactive_file 0\ntotal_inactive_file {30 * MiB}\n");

        Assert.Equal(186 * MiB, Free(available: 512, own));
    }

    [Fact]
    public void GroupsWithoutALimit_ChangeNothing()
    {
        Write("cgroup/a/memory.max", "max\n");
        Write("cgroup/a/memory.current", $"{100 * MiB}\n");

        Assert.Equal(512 * MiB, Free(available: 512, "0::/a"));
    }

    [Fact]
    public void GroupsBeyondTheirLimit_LeaveNothing()
    {
        Write("cgroup/memory.max", "1000");
        Write("cgroup/memory.current", "2000");

        Assert.Equal(0, Free(available: 512, "0::/"));
    }

    public void Dispose() => _folder.Dispose();

    private static long MachineBytes() => OperatingSystem.IsLinux()
        ? 1024 * long.Parse(File.ReadLines("/proc/meminfo").First(line => line.StartsWith("MemTotal:", StringComparison.Ordinal)).Split(' ')[^2], CultureInfo.InvariantCulture)
        : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    private long Free(int available, string? own = null)
    {
        Write("proc/meminfo", $"MemTotal:       99999999 kB\nMemFree:            1000 kB\nMemAvailable:   {available * 1024,8} kB\n");
        if (own is not null)
        {
            Write("proc/self/cgroup", own + "\n");
        }

        return HostMemory.Free(Path.Combine(_folder.Path, "proc"), Path.Combine(_folder.Path, "cgroup"));
    }

    private void Write(string file, string text)
    {
        string path = Path.Combine(_folder.Path, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
