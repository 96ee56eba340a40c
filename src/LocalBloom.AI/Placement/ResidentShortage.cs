using TorchSharp;

namespace LocalBloom.AI.Placement;

/// <summary>Says why a plan whose weights all stay on their devices does not fit, and what would help. Under a limit only what would do is named.</summary>
/// <param name="plan">What does not fit.</param>
/// <param name="other">What would be asked for with other options; null where there are no options.</param>
/// <param name="devices">The devices as listed.</param>
/// <param name="tryPlan">Makes a plan of the same strategy, or none.</param>
/// <param name="fitsStreamed">Whether Offload would do.</param>
internal sealed class ResidentShortage(
    DevicePlan plan,
    OtherFootprint? other,
    IReadOnlyList<DeviceMemory> devices,
    Func<ModelFootprint, IReadOnlyList<DeviceMemory>, DevicePlan?> tryPlan,
    Func<ModelFootprint, bool> fitsStreamed)
{
    /// <summary>Says what is missing, and what would help.</summary>
    /// <param name="shares">All that one device is to hold.</param>
    public string Explain(DeviceShare[] shares)
    {
        DeviceMemory memory = shares[0].Memory;
        BloomDevice device = memory.Device.Physical;
        string what = plan.Shares.Count == shares.Length ? "the model" : shares[0].Shard is { } shard ? $"its slice of the model, one of {shard.Count}," : $"its {shares.Sum(share => share.LayerCount)} layers";
        string free = ByteSize.Format(shares.Sum(share => share.Memory.FreeBytes));
        string found = memory.LimitBytes is null ? $"{device} has {free} free" : $"MemoryLimit leaves {free} of {device}";
        return
            $"{found}, but {what} in {plan.Footprint.Format} needs {ByteSize.Format(shares.Sum(share => share.TotalBytes))} there: " +
            $"weights {ByteSize.Format(shares.Sum(share => share.WeightBytes))}, cache for {plan.Footprint.CacheTokens} tokens {ByteSize.Format(shares.Sum(share => share.CacheBytes))}, " +
            $"buffers {ByteSize.Format(shares.Sum(share => share.WorkBytes + share.TemporaryBytes + share.JoinBytes))}. {(memory.LimitBytes is null ? General() : UnderTheLimit())}";
    }

    private string General() =>
        !plan.Footprint.Format.IsInt8 && plan.Footprint.Type.ElementSize() <= 2 ? "Use Int8 for half of it, lower MaxContextTokens, add a device (LayerSplit), or use a smaller model."
        : plan.Footprint.Type.ElementSize() > 2 ? "Set NumberType to Float16 or BFloat16 for half of it, lower MaxContextTokens, or add a device."
        : "Lower MaxContextTokens, add a device (LayerSplit), or use a smaller model.";

    private string UnderTheLimit()
    {
        long least = plan.Shares.GroupBy(share => share.Memory.Device.Physical).Max(device => device.Sum(share => share.TotalBytes) + device.First().Memory.ReserveBytes);
        List<string> settings = [.. new FittingSettings(plan.Footprint, other, devices, tryPlan).For(least)];
        if (Streamed() is { } streamed)
        {
            settings.Add(streamed);
        }

        string why = plan.Shares[0].Shard is null ? "" : "TensorParallel streams no layers: all ranks would wait for each other's copies. ";
        return why + (settings.Count > 0 ? FittingSettings.Sentence(settings) : $"Raise MemoryLimit. {General()}");
    }

    // Another strategy may keep weights in another format: Int8 is one, too.
    private string? Streamed()
    {
        bool Fits(Action<BloomChatClientOptions> change) => (other is null ? plan.Footprint : other(change)) is { } footprint && fitsStreamed(footprint);

        if (Fits(options => options.Strategy = BloomStrategy.Offload))
        {
            return "set Strategy to Offload";
        }

        return plan.Footprint.Format.IsInt8 && Fits(options => (options.Strategy, options.WeightFormat) = (BloomStrategy.Offload, BloomWeightFormat.Int8))
            ? "set Strategy to Offload and WeightFormat to Int8"
            : null;
    }
}
