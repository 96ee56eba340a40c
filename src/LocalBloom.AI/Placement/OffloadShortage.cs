using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Placement;

/// <summary>Says why Offload does not fit, and names only settings with which it would: each is planned with before it is named.</summary>
/// <param name="footprint">What was asked for.</param>
/// <param name="devices">The devices in layer order.</param>
/// <param name="tryPlan">Makes a plan, or none.</param>
internal sealed class OffloadShortage(
    ModelFootprint footprint, IReadOnlyList<DeviceMemory> devices, Func<ModelFootprint, IReadOnlyList<DeviceMemory>, DevicePlan?> tryPlan)
{
    private const int LeastContext = 16; // as the option's own lower bound

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

        if (footprint.Type.ElementSize() > 2 && Fits(footprint with { Format = footprint.Format with { Type = ScalarType.Float16 } }))
        {
            yield return "set NumberType to Float16";
        }

        if (!footprint.Format.IsInt8 && Fits(footprint with { Format = footprint.Format with { IsInt8 = true } }))
        {
            yield return "set WeightFormat to Int8";
        }

        if (EnoughContext() is { } context)
        {
            yield return $"lower MaxContextTokens to {context}";
        }

        if (footprint.MaxSequences > 1 && Fits(footprint with { MaxSequences = 1 }))
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

    private int? EnoughContext()
    {
        for (int context = footprint.ContextTokens / 2; context >= LeastContext; context /= 2)
        {
            var shorter = new ModelFootprint(footprint.Config, footprint.Format, context);
            bool isCacheGiven = footprint.CacheTokens != footprint.ContextTokens;
            shorter = shorter with
            {
                CacheTokens = isCacheGiven ? footprint.CacheTokens : context,
                MaxSequences = Math.Min(footprint.MaxSequences, shorter.StepRows),
            };
            if (Fits(shorter))
            {
                return context;
            }
        }

        return null;
    }

    private bool Fits(ModelFootprint other) => tryPlan(other, devices) is not null;
}
