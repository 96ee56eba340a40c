using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Model;

/// <summary>Keys and values of one layer, for all sequences. Slots are given to sequences in blocks.</summary>
/// <param name="Keys">[slots, heads, headDim].</param>
/// <param name="Values">[slots, heads, headDim].</param>
internal sealed record LayerCache(Tensor Keys, Tensor Values)
{
    /// <summary>The slots of a block: few enough that a short sequence wastes little, enough that tables stay short.</summary>
    public const int BlockSize = 16;

    /// <summary>Gets the blocks that so many tokens need.</summary>
    public static int BlockCount(int tokens) => (tokens + BlockSize - 1) / BlockSize;

    /// <summary>Makes a block a copy of another.</summary>
    public void Copy(BlockCopy copy)
    {
        foreach (Tensor tensor in new[] { Keys, Values })
        {
            using Tensor from = tensor.narrow(0, copy.From * BlockSize, BlockSize);
            using Tensor to = tensor.narrow(0, copy.To * BlockSize, BlockSize);
            to.copy_(from);
        }
    }

    /// <summary>Cuts a layer's cache from an arena.</summary>
    public static LayerCache Allocate(DeviceArena arena, BloomConfig config, ScalarType type, int blocks) => new(
        arena.Allocate(type, blocks * BlockSize, config.HeadCount, config.HeadDim),
        arena.Allocate(type, blocks * BlockSize, config.HeadCount, config.HeadDim));

    /// <summary>Gets the bytes that a layer's cache takes in an arena.</summary>
    public static long SizeOf(BloomConfig config, ScalarType type, int blocks) =>
        2 * DeviceArena.SizeOf(type, blocks * BlockSize, config.HeadCount, config.HeadDim);
}
