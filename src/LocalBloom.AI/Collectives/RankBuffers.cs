using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Collectives;

/// <summary>What a rank computes in, beside its weights and its cache.</summary>
/// <param name="Work">The blocks' buffers: the residual stream whole, the rest as wide as the rank's slice.</param>
/// <param name="Slopes">ALiBi's slopes of the rank's heads, [heads, 1, 1], float32.</param>
/// <param name="Parts">The rank's parts of two sums, [2, rows, hidden], float32.</param>
/// <param name="Signals">Where the ranks' kernels signal each other, [<see cref="PeerLink.SignalsOf"/>], int32.</param>
internal sealed record RankBuffers(Workspace Work, Tensor Slopes, Tensor Parts, Tensor Signals)
{
    /// <summary>Cuts the buffers for up to <paramref name="rows"/> tokens from an arena.</summary>
    /// <param name="arena">The rank's memory.</param>
    /// <param name="config">The whole model's sizes.</param>
    /// <param name="shard">The rank.</param>
    /// <param name="type">Of activations.</param>
    /// <param name="rows">The most tokens of a step.</param>
    public static RankBuffers Allocate(DeviceArena arena, BloomConfig config, Shard shard, ScalarType type, int rows)
    {
        SliceRange heads = shard.Heads(config);
        Tensor slopes = arena.Allocate(ScalarType.Float32, heads.Count, 1, 1);
        slopes.copy_(tensor(Alibi.Slopes(config.HeadCount).AsSpan(heads.First, heads.Count).ToArray()).view(-1, 1, 1));
        Tensor signals = arena.Allocate(ScalarType.Int32, PeerLink.SignalsOf(shard.Count));
        signals.zero_();
        return new RankBuffers(
            Workspace.Allocate(arena, shard.View(config), config.HiddenSize, type, rows),
            slopes,
            arena.Allocate(ScalarType.Float32, 2, rows, config.HiddenSize),
            signals);
    }

    /// <summary>Gets the bytes that the buffers take in an arena.</summary>
    /// <inheritdoc cref="Allocate"/>
    public static long SizeOf(BloomConfig config, Shard shard, ScalarType type, int rows)
    {
        BloomConfig own = shard.View(config);
        return
            Workspace.SizeOf(own, config.HiddenSize, type, rows) +
            DeviceArena.SizeOf(ScalarType.Float32, own.HeadCount) +
            DeviceArena.SizeOf(ScalarType.Float32, 2, rows, config.HiddenSize) +
            DeviceArena.SizeOf(ScalarType.Int32, PeerLink.SignalsOf(shard.Count));
    }
}
