using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>Loads layers where the plan has them: on their device, or in host memory with a ring on the device. Disposing gives back all but the arenas.</summary>
/// <param name="torch">Wraps memory as tensors.</param>
/// <param name="driver">CUDA's driver; null where there is none.</param>
/// <param name="loader">Fills weights.</param>
/// <param name="layout">Lays the same tensors out without filling them.</param>
/// <param name="storage">Where streamed layers lie.</param>
internal sealed class LayerResidencies(TorchNative torch, CudaDriver? driver, WeightLoader loader, WeightLoader layout, SlabStorage storage) : IDisposable
{
    private readonly Stack<IDisposable> _owned = new();
    private CudaStreams? _cuda;

    private CudaStreams Cuda => _cuda ??= new CudaStreams(driver!); // where nothing is streamed, nobody asks

    /// <summary>Gets what takes host memory for a device's streamed layers in place of this.</summary>
    internal Func<BloomDevice, LayerStreaming, ISlabMemory>? NewSlabs { get; init; }

    /// <summary>Loads a device's layers.</summary>
    /// <param name="arena">The device's memory, which has room for what stays there.</param>
    /// <param name="share">Which layers, and which of them are streamed.</param>
    /// <exception cref="PlacementException">The host has no room for layers that are streamed.</exception>
    public ILayerResidency Load(DeviceArena arena, DeviceShare share)
    {
        if (share.Streaming is not { } streaming)
        {
            return loader.LoadLayers(arena, share.FirstLayer, share.LayerCount);
        }

        nint[] slots = [.. Enumerable.Range(0, streaming.Slots).Select(_ => torch.AddressOf(arena.Allocate(ScalarType.Int8, streaming.LayerBytes)))];
        ISlabMemory slabs = Own((NewSlabs ?? Slabs)(arena.Device, streaming));
        ISlabTransfer transfer = Own(Transfer(arena.Device, slots, streaming.LayerBytes));
        var resident = new Dictionary<int, LayerWeights>();
        var streamed = new List<(int Layer, nint Slab)>();
        for (int layer = share.FirstLayer; layer < share.FirstLayer + share.LayerCount; layer++)
        {
            if (!streaming.Layers.Contains(layer))
            {
                resident[layer] = Load(loader, arena, layer);
                continue;
            }

            // By way of the device: converted and quantised as those are that stay there, so that not a bit differs.
            using DeviceArena room = arena.Over(slots[0], streaming.LayerBytes);
            _ = Load(loader, room, layer);
            nint slab = slabs.Allocate();
            transfer.Store(0, slab);
            streamed.Add((layer, slab));
        }

        LayerWeights[] ring = [.. slots.Select(slot => Load(layout, Own(arena.Over(slot, streaming.LayerBytes)), share.FirstLayer))];
        return new StreamedLayers(resident, streamed, ring, transfer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        IDisposable[] owned = [.. _owned]; // what was made last comes first
        _owned.Clear();
        Disposal.AllOrThrow(owned);
    }

    private static LayerWeights Load(WeightLoader loader, DeviceArena arena, int layer)
    {
        using LayerLease lease = loader.LoadLayers(arena, layer, 1).Acquire(layer);
        return lease.Weights;
    }

    private ISlabMemory Slabs(BloomDevice device, LayerStreaming streaming) =>
        storage is SlabStorage.File ? new FileSlabs(Path.GetTempPath(), streaming.LayerBytes, streaming.Layers.Count)
        : device.Kind is DeviceKind.Cuda ? new PinnedSlabs(Cuda, device.Index, streaming.LayerBytes)
        : new PlainSlabs(device, streaming.LayerBytes);

    private ISlabTransfer Transfer(BloomDevice device, nint[] slots, long bytes) => device.Kind is DeviceKind.Cuda
        ? new CudaTransfer(Cuda, device.Index, slots, bytes, isPinned: storage is SlabStorage.Memory)
        : new PlainTransfer(slots, bytes);

    private T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Push(owned);
        return owned;
    }
}
