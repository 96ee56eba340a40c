namespace LocalBloom.AI.Placement;

/// <summary>Says why Offload does not fit, and names only settings with which it would: each is planned with before it is named.</summary>
/// <param name="footprint">What was asked for.</param>
/// <param name="other">What would be asked for with other options; null where there are no options.</param>
/// <param name="devices">The devices in layer order.</param>
/// <param name="tryPlan">Makes a plan, or none.</param>
internal sealed class OffloadShortage(
    ModelFootprint footprint, OtherFootprint? other, IReadOnlyList<DeviceMemory> devices, Func<ModelFootprint, IReadOnlyList<DeviceMemory>, DevicePlan?> tryPlan)
{
    /// <summary>Says what is missing, and what would help.</summary>
    /// <param name="tried">The sizes with the fewest rows of a step.</param>
    /// <param name="runs">Each device's layers.</param>
    /// <param name="at">The first device that is too small.</param>
    public string Explain(ModelFootprint tried, (int First, int Count)[] runs, int at)
    {
        DeviceMemory memory = devices[at];
        DeviceShare share = Share(at);
        string found = memory.LimitBytes is null
            ? $"{memory.Device} has {ByteSize.Format(memory.FreeBytes)} free"
            : $"MemoryLimit leaves {ByteSize.Format(memory.FreeBytes)} of {memory.Device} to the model";

        // Logical parts have equal shares of their device, so that each must be as large as the largest needs.
        int[] parts = [.. Enumerable.Range(0, devices.Count).Where(i => devices[i].Device.Physical == memory.Device.Physical)];
        long least = (parts.Length * parts.Max(Least)) + memory.ReserveBytes;
        string[] cures = [.. new FittingSettings(footprint, other, devices, tryPlan).For(least)];
        if (memory.LimitBytes is null || cures.Length == 0)
        {
            cures = [$"free memory there or take a larger device, so that {ByteSize.FormatUp(least)} are free", .. cures];
        }

        return
            $"{found}, but Offload in {tried.Format} needs {ByteSize.FormatUp(Least(at))} there at least: " +
            $"{(share.HasEnds ? $"embedding and head {ByteSize.Format(tried.EndsBytes)}, " : "")}" +
            $"one layer {ByteSize.Format(tried.LayerWeightBytes)}, cache for {tried.CacheTokens} tokens {ByteSize.Format(share.CacheBytes)}, " +
            $"buffers {ByteSize.Format(share.WorkBytes + share.TemporaryBytes)}. {FittingSettings.Sentence(cures)}";

        DeviceShare Share(int i) => tried.Share(devices[i], runs[i].First, runs[i].Count, hasEnds: runs[i].First == 0);

        long Least(int i) => Share(i).TotalBytes - ((runs[i].Count - 1) * tried.LayerWeightBytes);
    }
}
