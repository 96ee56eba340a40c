namespace LocalBloom.AI.Placement;

/// <summary>Bounds what may be taken of each device.</summary>
internal static class MemoryLimit
{
    /// <summary>Gives devices no more free memory than a limit leaves, less what code and libraries take of it.</summary>
    /// <param name="devices">The devices; logical parts share their device's limit.</param>
    /// <param name="limit">The most bytes that may be taken of a whole device; null for all that is free.</param>
    public static IReadOnlyList<DeviceMemory> Apply(IReadOnlyList<DeviceMemory> devices, long? limit) =>
        [.. devices.Select(device => Bound(device, devices.Count(other => other.Device.Physical == device.Device.Physical), limit ?? long.MaxValue))];

    private static DeviceMemory Bound(DeviceMemory device, int parts, long limit)
    {
        long reserve = DeviceCatalog.ReserveOf(device.Device);
        long left = Math.Max(0, limit - reserve) / parts;
        return left < device.FreeBytes
            ? device with { FreeBytes = left, LimitBytes = limit, UnlimitedBytes = device.FreeBytes, ReserveBytes = reserve }
            : device with { ReserveBytes = reserve };
    }
}
