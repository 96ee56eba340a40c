using LocalBloom.AI.Placement;

namespace LocalBloom.AI;

/// <summary>What one device would hold. Bytes are exact for weights, cache and blocks' buffers, an upper bound for NCCL's and for what passes. Immutable.</summary>
public sealed class BloomPlanDevice
{
    internal BloomPlanDevice(DeviceShare share)
    {
        Device = share.Memory.Device.ToString();
        Description = share.Memory.Description;
        FirstLayer = share.FirstLayer;
        LayerCount = share.LayerCount;
        HasEnds = share.HasEnds;
        WeightBytes = share.WeightBytes;
        CacheBytes = share.CacheBytes;
        BufferBytes = share.WorkBytes + share.JoinBytes;
        TemporaryBytes = share.TemporaryBytes;
        TotalBytes = share.TotalBytes;
        FreeBytes = share.Memory.FreeBytes;
        StreamedLayerCount = share.Streaming?.Layers.Count ?? 0;
        HostBytes = share.Streaming?.HostBytes ?? 0;
    }

    /// <summary>Gets the device's name, such as <c>cuda:0</c>.</summary>
    public string Device { get; }

    /// <summary>Gets what the device is, for people, such as <c>NVIDIA H200</c>.</summary>
    public string Description { get; }

    /// <summary>Gets the number of its first layer, from 0.</summary>
    public int FirstLayer { get; }

    /// <summary>Gets how many consecutive layers it has a part in, at least 1.</summary>
    public int LayerCount { get; }

    /// <summary>Gets a value indicating whether it holds the embedding, the last norm and the head, or its slice of them.</summary>
    public bool HasEnds { get; }

    /// <summary>Gets the bytes of weights on the device.</summary>
    public long WeightBytes { get; }

    /// <summary>Gets the bytes of keys and values.</summary>
    public long CacheBytes { get; }

    /// <summary>Gets the bytes of the blocks' buffers, and of NCCL's where it adds up for devices that cannot reach each other.</summary>
    public long BufferBytes { get; }

    /// <summary>Gets the most bytes that a step takes besides, and gives back.</summary>
    public long TemporaryBytes { get; }

    /// <summary>Gets the most bytes that are taken of the device.</summary>
    public long TotalBytes { get; }

    /// <summary>Gets the bytes that are free for us, within <see cref="BloomChatClientOptions.MemoryLimit"/>; of a logical part, its share of the device's.</summary>
    public long FreeBytes { get; }

    /// <summary>Gets how many of its layers lie in host memory and are streamed to it; 0 where all stay.</summary>
    public int StreamedLayerCount { get; }

    /// <summary>Gets the bytes of host memory that those layers take: as many are copied to the device in each step.</summary>
    public long HostBytes { get; }
}
