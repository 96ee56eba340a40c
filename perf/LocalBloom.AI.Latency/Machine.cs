using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace LocalBloom.AI.Latency;

/// <summary>The hardware under a measurement, as far as it can be found out.</summary>
internal sealed record Machine(string Cpu, int Cores, string System, IReadOnlyList<string> Gpus)
{
    public static Machine Describe() =>
        new(CpuName(), Environment.ProcessorCount, $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}", AskDriver("--query-gpu=name"));

    /// <summary>Asks the driver for the memory in use on each GPU, for example <c>15210 MiB</c>.</summary>
    public static IReadOnlyList<string> GpuMemoryInUse() => AskDriver("--query-gpu=memory.used");

    private static string CpuName()
    {
        const string Info = "/proc/cpuinfo";
        string? line = File.Exists(Info) ? File.ReadLines(Info).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?.Split(':', 2)[1].Trim() ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown";
    }

    private static string[] AskDriver(string query)
    {
        try
        {
            var start = new ProcessStartInfo("nvidia-smi", [query, "--format=csv,noheader"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using Process? process = Process.Start(start);
            string output = process?.StandardOutput.ReadToEnd() ?? "";
            process?.WaitForExit();
            return process?.ExitCode == 0 ? output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : [];
        }
        catch (Win32Exception)
        {
            return []; // no such program: no NVIDIA driver
        }
    }
}
