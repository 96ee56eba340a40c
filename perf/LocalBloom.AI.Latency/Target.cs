using LocalBloom.AI.Placement;

namespace LocalBloom.AI.Latency;

/// <summary>One way of running the model that is measured.</summary>
/// <param name="Strategy">How the model is spread.</param>
/// <param name="Devices">Over what; empty leaves it to the engine.</param>
/// <param name="WeightFormat">How matrices are kept.</param>
internal sealed record Target(BloomStrategy Strategy, IReadOnlyList<string> Devices, BloomWeightFormat WeightFormat = BloomWeightFormat.Auto)
{
    /// <summary>Gets a value indicating whether one rank alone is measured: see <see cref="LoneRank"/>.</summary>
    public bool IsOneRank { get; private init; }

    /// <summary>Gets the name under which it is listed.</summary>
    public string Name => IsOneRank ? $"{Preset}, one rank of {Devices.Count} alone (projection for {Devices.Count} {Kind}s, no exchange)" : Preset;

    /// <summary>Gets the devices that compute, as far as they were named.</summary>
    public IReadOnlyList<string> Computing => IsOneRank ? [Parsed.First().Physical.ToString()] : Devices;

    /// <summary>Gets one rank of it alone; <see langword="null"/> where its ranks do not share a device.</summary>
    public Target? OneRank =>
        Strategy is BloomStrategy.TensorParallel && Devices.Count > 1 && Parsed.Select(device => device.Physical).Distinct().Count() == 1
            ? this with { IsOneRank = true }
            : null;

    private string Preset => WeightFormat is BloomWeightFormat.Auto ? $"{Strategy}" : $"{Strategy}+{WeightFormat}";

    private string Kind => Parsed.First().Kind is DeviceKind.Cuda ? "GPU" : "CPU";

    private IEnumerable<BloomDevice> Parsed => Devices.Select(BloomDevice.Parse);
}
