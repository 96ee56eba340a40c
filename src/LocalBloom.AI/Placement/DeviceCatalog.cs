using LocalBloom.AI.Collectives;
using LocalBloom.AI.Kernels;
using LocalBloom.AI.Native;
using static TorchSharp.torch;

namespace LocalBloom.AI.Placement;

/// <summary>The devices of this machine, and their free memory.</summary>
/// <param name="driver">CUDA's driver; null where there is none.</param>
/// <param name="hasCudaTorch">Whether torch was built for CUDA.</param>
/// <param name="hasCompiler">Whether our kernels can be compiled.</param>
internal sealed class DeviceCatalog(CudaDriver? driver, bool hasCudaTorch, bool hasCompiler)
{
    /// <summary>What is kept of each GPU for code and libraries.</summary>
    public const long CudaReserve = 300_000_000; // the code of torch's and our kernels, and cuBLAS's workspace: measured 0.2 GB on an H100

    /// <summary>Opens what tells of devices.</summary>
    /// <param name="native">Torch.</param>
    public static DeviceCatalog Open(TorchNative native)
    {
        CudaDriver? driver = CudaDriver.TryOpen();
        return new DeviceCatalog(driver, cuda.is_available(), KernelCompiler.TryOpen(driver, native.Folder) is not null);
    }

    private int CudaCount => hasCudaTorch ? driver?.DeviceCount ?? 0 : 0;

    /// <summary>Looks devices up; the context of each CUDA device is created by that.</summary>
    /// <param name="names">Names in layer order; empty for every CUDA device, or the CPU where there is none.</param>
    /// <exception cref="PlacementException">A device is not there.</exception>
    public IReadOnlyList<DeviceMemory> Find(IEnumerable<string> names)
    {
        BloomDevice[] devices = [.. names.Select(Parse)];
        if (devices.Length == 0)
        {
            devices = CudaCount > 0 ? [.. Enumerable.Range(0, CudaCount).Select(i => new BloomDevice(DeviceKind.Cuda, i))] : [new BloomDevice(DeviceKind.Cpu, 0)];
        }

        DeviceMemory[] found = [.. devices.Select(device => Describe(device, parts: devices.Count(other => other.Physical == device.Physical)))];
        return devices.Count(device => device.Kind is DeviceKind.Cuda) > 1 ? WithJoining(found, new CudaPeers(driver!).CanReach) : found;
    }

    /// <summary>Keeps room for NCCL, which adds up for GPUs that cannot reach each other's memory.</summary>
    /// <param name="devices">As listed.</param>
    /// <param name="canReach">Whether a GPU reads and writes another's memory.</param>
    internal static IReadOnlyList<DeviceMemory> WithJoining(IReadOnlyList<DeviceMemory> devices, Func<int, int, bool> canReach)
    {
        BloomDevice[] all = [.. devices.Select(memory => memory.Device)];
        bool isJoinedByNccl = all.All(device => device is { Kind: DeviceKind.Cuda, Part: null })
            && PeerLink.Unreachable(canReach, [.. all.Select(device => device.Index)]) is not null;
        return isJoinedByNccl ? [.. devices.Select(memory => memory with { JoinBytes = Nccl.ReservedBytes })] : devices;
    }

    private DeviceMemory Describe(BloomDevice device, int parts)
    {
        if (device.Kind is DeviceKind.Cpu)
        {
            return Memory(device, HostMemory.Free(), parts, $"{Environment.ProcessorCount} cores");
        }

        if (device.Index >= CudaCount)
        {
            throw new PlacementException($"{device} is not there: {WhyNoCuda(device.Index)}");
        }

        return Memory(device, driver!.Memory(device.Index).Free, parts, driver.Name(device.Index)) with
        {
            KernelCapability = hasCompiler ? driver.ComputeCapability(device.Index) : null,
        };
    }

    private string WhyNoCuda(int index) =>
        driver is null ? "this machine has no NVIDIA driver. Use the device cpu." :
        !hasCudaTorch ? "the native torch beside the application is built for CPUs only. Add TorchSharp-cuda-linux or TorchSharp-cuda-windows in place of " +
            "TorchSharp-cpu, or name the torch/lib of a CUDA PyTorch in LOCALBLOOM_LIBTORCH." :
        CudaCount == 0 ? "the NVIDIA driver shows no device. Use the device cpu." :
        $"this machine has {CudaCount} CUDA device{(CudaCount == 1 ? "" : "s")} (cuda:0{(CudaCount > 1 ? $" … cuda:{CudaCount - 1}" : "")}), not {index + 1}.";

    /// <summary>Reads a device's name.</summary>
    /// <exception cref="PlacementException">It is none.</exception>
    public static BloomDevice Parse(string name) =>
        BloomDevice.TryParse(name, out BloomDevice device)
            ? device
            : throw new PlacementException($"'{name}' is no device. Use {BloomDevice.AcceptedNames}.");

    /// <summary>Gets what is kept of a whole device for code and libraries.</summary>
    public static long ReserveOf(BloomDevice device) => device.Kind is DeviceKind.Cuda ? CudaReserve : 0;

    /// <summary>Describes a device as the planner sees it.</summary>
    /// <param name="device">The device, or a part of one.</param>
    /// <param name="free">What is free of the whole device.</param>
    /// <param name="parts">How many parts share it.</param>
    /// <param name="description">For people.</param>
    public static DeviceMemory Memory(BloomDevice device, long free, int parts, string description) =>
        new(device, Math.Max(0, free - ReserveOf(device)) / parts, description);
}
