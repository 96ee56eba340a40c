using TorchSharp;

namespace LocalBloom.AI.Placement;

/// <summary>Gives a model's sizes as other options would make them.</summary>
/// <param name="change">Changes a copy of the options.</param>
/// <returns>Null where the changed options are refused.</returns>
internal delegate ModelFootprint? OtherFootprint(Action<BloomChatClientOptions> change);

/// <summary>Names settings with which a model would fit: each is planned with before it is named.</summary>
/// <param name="footprint">What was asked for.</param>
/// <param name="other">What would be asked for with other options; null where there are no options.</param>
/// <param name="devices">The devices in layer order.</param>
/// <param name="tryPlan">Makes a plan, or none.</param>
internal sealed class FittingSettings(
    ModelFootprint footprint, OtherFootprint? other, IReadOnlyList<DeviceMemory> devices, Func<ModelFootprint, IReadOnlyList<DeviceMemory>, DevicePlan?> tryPlan)
{
    /// <summary>Makes a sentence of what would help.</summary>
    public static string Sentence(IReadOnlyList<string> settings)
    {
        string text = settings.Count == 1 ? settings[0] : $"{string.Join(", ", settings.SkipLast(1))}, or {settings[^1]}";
        return $"{char.ToUpperInvariant(text[0])}{text[1..]}.";
    }

    /// <summary>Names the settings, each of which would do alone; none where none would.</summary>
    /// <param name="least">The least limit that may do.</param>
    public IEnumerable<string> For(long least)
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
