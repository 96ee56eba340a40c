using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Model;

/// <summary>The buffers that a device's blocks compute in, used again by every layer and step.</summary>
/// <param name="Stream">The residual stream, [rows, hidden].</param>
/// <param name="Normed">The stream after a norm, [rows, hidden].</param>
/// <param name="Qkv">Queries, keys and values, [rows, heads × (q, k, v) × headDim].</param>
/// <param name="Heads">What the heads attended to, [rows, hidden].</param>
/// <param name="Wide">The MLP's inner activations, [rows, inner].</param>
internal sealed record Workspace(Tensor Stream, Tensor Normed, Tensor Qkv, Tensor Heads, Tensor Wide)
{
    /// <summary>Cuts the buffers from an arena.</summary>
    /// <param name="arena">The device's memory.</param>
    /// <param name="config">The sizes of what the device computes.</param>
    /// <param name="streamWidth">The residual stream's width, which a rank has whole.</param>
    /// <param name="type">Of activations.</param>
    /// <param name="rows">The most tokens of a step.</param>
    public static Workspace Allocate(DeviceArena arena, BloomConfig config, int streamWidth, ScalarType type, int rows) => new(
        arena.Allocate(type, rows, streamWidth),
        arena.Allocate(type, rows, streamWidth),
        arena.Allocate(type, rows, 3 * config.HiddenSize),
        arena.Allocate(type, rows, config.HiddenSize),
        arena.Allocate(type, rows, config.InnerSize));

    /// <summary>Gets the bytes that the buffers take in an arena.</summary>
    /// <inheritdoc cref="Allocate"/>
    public static long SizeOf(BloomConfig config, int streamWidth, ScalarType type, int rows) =>
        (2 * DeviceArena.SizeOf(type, rows, streamWidth)) +
        DeviceArena.SizeOf(type, rows, 3 * config.HiddenSize) +
        DeviceArena.SizeOf(type, rows, config.HiddenSize) +
        DeviceArena.SizeOf(type, rows, config.InnerSize);

    /// <summary>Gets views of the first <paramref name="rows"/> rows; they belong to the caller's dispose scope.</summary>
    public Workspace First(int rows) => new(Stream.narrow(0, 0, rows), Normed.narrow(0, 0, rows), Qkv.narrow(0, 0, rows), Heads.narrow(0, 0, rows), Wide.narrow(0, 0, rows));
}
