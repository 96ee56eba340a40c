namespace LocalBloom.AI.Placement;

/// <summary>A device as the planner sees it.</summary>
/// <param name="Device">Its name, a logical part included.</param>
/// <param name="FreeBytes">Memory that is free for us; for a logical part its share of the device's.</param>
/// <param name="Description">For people, for example <c>NVIDIA H200</c>.</param>
internal sealed record DeviceMemory(BloomDevice Device, long FreeBytes, string Description)
{
    /// <summary>Gets what may be taken of the whole device, where that is less than what is free; else null.</summary>
    public long? LimitBytes { get; init; }

    /// <summary>Gets what <see cref="FreeBytes"/> would be without a limit; null where none lessens it.</summary>
    public long? UnlimitedBytes { get; init; }

    /// <summary>Gets what it takes to have the device add up with the others that are listed, beside what a plan has for sums.</summary>
    public long JoinBytes { get; init; }

    /// <summary>Gets the compute capability that our kernels are compiled for; null on a CPU, where there is no compiler, and of a GPU that is only assumed.</summary>
    public (int Major, int Minor)? KernelCapability { get; init; }

    /// <summary>Gets what is kept of the whole device for code and libraries: <see cref="FreeBytes"/> leaves it out.</summary>
    public long ReserveBytes { get; init; }
}

/// <summary>What one device holds.</summary>
/// <param name="Memory">The device.</param>
/// <param name="FirstLayer">Its first layer.</param>
/// <param name="LayerCount">How many consecutive layers it has, at least 1.</param>
/// <param name="HasEnds">Whether it holds the embedding, the final norm and the head too.</param>
/// <param name="WeightBytes">Of weights on the device, alignment included.</param>
/// <param name="CacheBytes">Of keys and values.</param>
/// <param name="WorkBytes">Of the blocks' buffers.</param>
/// <param name="TemporaryBytes">At most so much is taken from torch's allocator besides, for a prompt's passing tensors.</param>
internal sealed record DeviceShare(
    DeviceMemory Memory,
    int FirstLayer,
    int LayerCount,
    bool HasEnds,
    long WeightBytes,
    long CacheBytes,
    long WorkBytes,
    long TemporaryBytes)
{
    /// <summary>Gets which slice of its layers, and of the ends, it holds; null where it holds them whole.</summary>
    public Shard? Shard { get; init; }

    /// <summary>Gets which layers are streamed; null where all stay. <see cref="WeightBytes"/> then counts the ring in their place.</summary>
    public LayerStreaming? Streaming { get; init; }

    /// <summary>Gets the bytes that joining it with others takes of its device, beside the arena.</summary>
    public long JoinBytes { get; init; }

    /// <summary>Gets the bytes of the device's arena.</summary>
    public long ArenaBytes => WeightBytes + CacheBytes + WorkBytes;

    /// <summary>Gets the bytes that are taken at most.</summary>
    public long TotalBytes => ArenaBytes + TemporaryBytes + JoinBytes;
}
