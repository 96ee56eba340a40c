using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Testing;

/// <summary>Offload with so tight a limit that layers of the tiniest model are streamed.</summary>
public static class OffloadLimit
{
    /// <summary>Sets strategy and limit for the checkpoint, devices, number type and format that the options have: one layer fits at a time.</summary>
    public static void Apply(BloomChatClientOptions options)
    {
        BloomConfig config = BloomConfigReader.Read(options.Model);
        Apply(options, config, [config.LayerCount - options.Devices.Count + 1, .. Enumerable.Repeat(1, options.Devices.Count - 1)], fitting: 1);
    }

    /// <summary>Sets strategy and limit for a model, and for devices that are one, or parts of one.</summary>
    /// <param name="options">Their devices, number type and format are set.</param>
    /// <param name="config">The model's sizes.</param>
    /// <param name="counts">How many layers each device has.</param>
    /// <param name="fitting">How many of them fit, the ring's slots included.</param>
    internal static void Apply(BloomChatClientOptions options, BloomConfig config, int[] counts, int fitting)
    {
        ScalarType type = options.NumberType switch
        {
            BloomNumberType.Float32 => ScalarType.Float32,
            BloomNumberType.Float16 => ScalarType.Float16,
            BloomNumberType.BFloat16 => ScalarType.BFloat16,
            _ => throw new ArgumentException("Set NumberType first.", nameof(options)),
        };
        int context = options.MaxContextTokens ?? throw new ArgumentException("Set MaxContextTokens first.", nameof(options));
        var footprint = new ModelFootprint(config, new WeightFormat(type, options.WeightFormat is BloomWeightFormat.Int8), context);
        footprint = footprint with { MaxSequences = Math.Min(options.MaxConcurrentReplies, footprint.StepRows) };
        IReadOnlyList<DeviceMemory> devices = DeviceCatalog.Open(TorchNative.Load(null)).Find(options.Devices);

        long most = counts.Select((count, i) =>
            footprint.Share(devices[i], 0, count, hasEnds: i == 0).TotalBytes - ((count - fitting) * footprint.LayerWeightBytes)).Max();
        options.Strategy = BloomStrategy.Offload;
        options.MemoryLimit = $"{(devices.Count * most) + DeviceCatalog.ReserveOf(devices[0].Device)}B";
        options.LayerMap = devices.Count == 1 ? null : string.Join(',', devices.Select((memory, i) => $"{memory.Device}={counts[i]}"));
    }
}
