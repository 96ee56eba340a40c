using TorchSharp;

namespace LocalBloom.AI.Placement;

/// <summary>Gives a model's sizes as other options would make them.</summary>
/// <param name="change">Changes a copy of the options.</param>
/// <returns>Null where the changed options are refused.</returns>
internal delegate ModelFootprint? OtherFootprint(Action<BloomChatClientOptions> change);

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
        string[] cures = [.. Settings(least)];
        if (memory.LimitBytes is null || cures.Length == 0)
        {
            cures = [$"free memory there or take a larger device, so that {ByteSize.FormatUp(least)} are free", .. cures];
        }

        string cure = cures.Length == 1 ? cures[0] : $"{string.Join(", ", cures[..^1])}, or {cures[^1]}";
        return
            $"{found}, but Offload in {tried.Format} needs {ByteSize.FormatUp(Least(at))} there at least: " +
            $"{(share.HasEnds ? $"embedding and head {ByteSize.Format(tried.EndsBytes)}, " : "")}" +
            $"one layer {ByteSize.Format(tried.LayerWeightBytes)}, cache for {tried.CacheTokens} tokens {ByteSize.Format(share.CacheBytes)}, " +
            $"buffers {ByteSize.Format(share.WorkBytes + share.TemporaryBytes)}. {char.ToUpperInvariant(cure[0])}{cure[1..]}.";

        DeviceShare Share(int i) => tried.Share(devices[i], runs[i].First, runs[i].Count, hasEnds: runs[i].First == 0);

        long Least(int i) => Share(i).TotalBytes - ((runs[i].Count - 1) * tried.LayerWeightBytes);
    }

    private IEnumerable<string> Settings(long least)
    {
        if (EnoughLimit(least) is { } limit)
        {
            yield return $"set MemoryLimit to {limit} or more";
        }

        if (footprint.Type.ElementSize() > 2 && Fits(options => options.NumberType = BloomNumberType.Float16))
        {
            yield return "set NumberType to Float16";
        }

        if (!footprint.Format.IsInt8 && Fits(options => options.WeightFormat = BloomWeightFormat.Int8))
        {
            yield return "set WeightFormat to Int8";
        }

        if (Enough(least: 1, footprint.ContextTokens, (options, tokens) => options.MaxContextTokens = tokens) is { } context)
        {
            yield return $"lower MaxContextTokens to {context}";
        }
        else if (Enough(least: 1, footprint.ContextTokens, (options, tokens) => options.MaxContextTokens = options.CacheTokens = tokens) is { } both)
        {
            yield return $"lower MaxContextTokens and CacheTokens to {both}";
        }

        if (Enough(footprint.ContextTokens, footprint.CacheTokens, (options, tokens) => options.CacheTokens = tokens) is { } cache)
        {
            yield return $"lower CacheTokens to {cache}";
        }

        if (footprint.MaxSequences > 1 && Fits(options => options.MaxConcurrentReplies = 1))
        {
            yield return "lower MaxConcurrentReplies to 1";
        }
    }

    // Other devices may need more, and get other layers under another limit. Beyond what is free a limit changes nothing.
    private string? EnoughLimit(long least)
    {
        DeviceMemory[] free = [.. devices.Select(device => device with { FreeBytes = device.UnlimitedBytes ?? device.FreeBytes, LimitBytes = null, UnlimitedBytes = null })];
        if (devices.All(device => device.LimitBytes is null) || tryPlan(footprint, free) is null)
        {
            return null;
        }

        for (long limit = least; ; limit += Math.Max(1, limit / 16))
        {
            string text = ByteSize.FormatUp(limit);
            if (ByteSize.TryParse(text, out long told) && tryPlan(footprint, MemoryLimit.Apply(free, told)) is not null)
            {
                return text;
            }
        }
    }

    // Halves a number of tokens until it fits.
    private int? Enough(int least, int tooMany, Action<BloomChatClientOptions, int> set)
    {
        while (tooMany > least)
        {
            int tokens = Math.Max(tooMany / 2, least);
            if (Fits(options => set(options, tokens)))
            {
                return tokens;
            }

            tooMany = tokens;
        }

        return null;
    }

    private bool Fits(Action<BloomChatClientOptions> change) => other?.Invoke(change) is { } changed && tryPlan(changed, devices) is not null;
}
