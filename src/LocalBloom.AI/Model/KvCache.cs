using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Model;

/// <summary>Keys and values of one layer.</summary>
/// <param name="Keys">[heads, slots, headDim].</param>
/// <param name="Values">[heads, slots, headDim].</param>
internal sealed record LayerCache(Tensor Keys, Tensor Values)
{
    /// <summary>Cuts a layer's cache from an arena.</summary>
    public static LayerCache Allocate(DeviceArena arena, BloomConfig config, ScalarType type, int slots) => new(
        arena.Allocate(type, config.HeadCount, slots, config.HeadDim),
        arena.Allocate(type, config.HeadCount, slots, config.HeadDim));

    /// <summary>Gets the bytes that a layer's cache takes in an arena.</summary>
    public static long SizeOf(BloomConfig config, ScalarType type, int slots) =>
        2 * DeviceArena.SizeOf(type, config.HeadCount, slots, config.HeadDim);
}
