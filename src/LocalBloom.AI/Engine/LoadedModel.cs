using LocalBloom.AI.Execution;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Text;
using LocalBloom.AI.Weights;

namespace LocalBloom.AI.Engine;

/// <summary>A model that is ready to run, and the memory that it lives in.</summary>
/// <param name="Config">Its sizes.</param>
/// <param name="Plan">Which device holds what.</param>
/// <param name="Tokenizer">Null for a model of random weights, which has no text.</param>
/// <param name="Runner">Runs its steps.</param>
/// <param name="Arenas">Each device's memory.</param>
/// <param name="Kernels">Code on the devices, and what else is given back before the arenas.</param>
internal sealed record LoadedModel(
    BloomConfig Config,
    DevicePlan Plan,
    BloomTokenizer? Tokenizer,
    IStepRunner Runner,
    IReadOnlyList<DeviceArena> Arenas,
    IReadOnlyList<IDisposable> Kernels) : IDisposable
{
    /// <summary>Gets the bytes taken of each device, by device name.</summary>
    public IReadOnlyDictionary<string, long> DeviceMemory => Arenas.ToDictionary(arena => arena.Device.ToString(), arena => arena.Capacity);

    /// <summary>Says for people how much memory of which devices it has.</summary>
    public string DescribeMemory() => string.Join(", ", Arenas.Select(arena => $"{ByteSize.Format(arena.Capacity)} of {arena.Device}"));

    /// <inheritdoc/>
    public void Dispose() => Disposal.AllOrThrow([.. Kernels, .. Arenas]);
}
