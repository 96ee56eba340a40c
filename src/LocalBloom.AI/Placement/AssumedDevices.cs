namespace LocalBloom.AI.Placement;

/// <summary>Devices that need not exist, for a plan of what would go where.</summary>
/// <param name="freeBytes">The memory of whole devices that is free, by name, in layer order.</param>
/// <exception cref="ArgumentException">No device is given, or a part, or one twice, or an amount that no device has.</exception>
internal sealed class AssumedDevices(IReadOnlyDictionary<string, long> freeBytes)
{
    private readonly OrderedDictionary<BloomDevice, long> _devices = Read(freeBytes);

    /// <summary>Looks devices up, as <see cref="DeviceCatalog.Find"/> does.</summary>
    /// <exception cref="PlacementException">A device is not among them.</exception>
    public IReadOnlyList<DeviceMemory> Find(IEnumerable<string> names)
    {
        BloomDevice[] devices = [.. names.Select(DeviceCatalog.Parse)];
        if (devices.Length == 0)
        {
            devices = [.. _devices.Keys];
        }

        return [.. devices.Select(device => DeviceCatalog.Memory(
            device, FreeOf(device.Physical), devices.Count(other => other.Physical == device.Physical), "assumed"))];
    }

    private long FreeOf(BloomDevice device) =>
        _devices.TryGetValue(device, out long bytes)
            ? bytes
            : throw new PlacementException($"{device} is not among the devices whose memory is given: {string.Join(", ", _devices.Keys)}.");

    private static OrderedDictionary<BloomDevice, long> Read(IReadOnlyDictionary<string, long> freeBytes)
    {
        var devices = new OrderedDictionary<BloomDevice, long>();
        foreach ((string name, long bytes) in freeBytes)
        {
            BloomDevice device = DeviceCatalog.Parse(name);
            if (bytes is < 1 or > ByteSize.Most)
            {
                throw new ArgumentOutOfRangeException(nameof(freeBytes), bytes, $"{device} has no such memory. Give 1 to {ByteSize.Most} bytes, which are an exbibyte.");
            }

            if (device.Part is not null || !devices.TryAdd(device, bytes))
            {
                throw new ArgumentException($"'{name}' is a part, or is there twice. Give the memory of each whole device once: {device.Physical}.", nameof(freeBytes));
            }
        }

        return devices.Count > 0 ? devices : throw new ArgumentException("No device is given. Give at least one, such as cuda:0, or null for those of this machine.", nameof(freeBytes));
    }
}
