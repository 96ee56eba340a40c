namespace LocalBloom.AI.Placement;

/// <summary>Layers of a device that lie in host memory and come through a ring of buffers on the device, over and over.</summary>
/// <param name="Layers">Their numbers in the whole model, ascending; more than <paramref name="Slots"/>.</param>
/// <param name="Slots">The ring's buffers, each as large as a layer; at least 1.</param>
/// <param name="LayerBytes">One layer's weights, alignment included.</param>
internal sealed record LayerStreaming(IReadOnlyList<int> Layers, int Slots, long LayerBytes)
{
    /// <summary>Gets the bytes of host memory that the layers take: as many are copied to the device in each step.</summary>
    public long HostBytes => Layers.Count * LayerBytes;

    /// <summary>Chooses which of a device's layers are streamed: evenly among those that stay, so that copies flow all the time.</summary>
    /// <param name="first">The device's first layer.</param>
    /// <param name="count">How many layers it has.</param>
    /// <param name="streamed">How many of them are streamed, at most <paramref name="count"/>.</param>
    public static IReadOnlyList<int> Spread(int first, int count, int streamed) =>
        [.. Enumerable.Range(0, count).Where(i => (long)(i + 1) * streamed / count > (long)i * streamed / count).Select(i => first + i)];
}
