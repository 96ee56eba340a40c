namespace LocalBloom.AI.Placement;

/// <summary>Devices that need not exist, for a plan of what would go where.</summary>
/// <param name="freeBytes">The memory of whole devices that is free, by name, in layer order.</param>
internal sealed class AssumedDevices(IReadOnlyDictionary<string, long> freeBytes)
{
    private readonly (BloomDevice Device, long FreeBytes)[] _devices = [.. freeBytes.Select(pair => (DeviceCatalog.Parse(pair.Key), pair.Value))];

    /// <summary>Looks devices up, as <see cref="DeviceCatalog.Find"/> does.</summary>
    /// <exception cref="PlacementException">A device is not among them.</exception>
    public IReadOnlyList<DeviceMemory> Find(IEnumerable<string> names)
    {
        BloomDevice[] devices = [.. names.Select(DeviceCatalog.Parse)];
        if (devices.Length == 0)
        {
            devices = [.. _devices.Select(assumed => assumed.Device)];
        }

        return [.. devices.Select(device => DeviceCatalog.Memory(
            device, FreeOf(device.Physical), devices.Count(other => other.Physical == device.Physical), "assumed"))];
    }

    private long FreeOf(BloomDevice device) =>
        Array.Find(_devices, assumed => assumed.Device == device) is { FreeBytes: > 0 } found
            ? found.FreeBytes
            : throw new PlacementException($"{device} is not among the devices whose memory is given: {string.Join(", ", _devices.Select(assumed => assumed.Device))}.");
}
