namespace LocalBloom.AI.Weights;

/// <summary>Where layers' weights live between uses. A layer is leased for the time in which it computes.</summary>
internal interface ILayerResidency
{
    /// <summary>Gets a layer's weights, waiting until they are on the device.</summary>
    /// <param name="layer">The layer's number in the whole model.</param>
    /// <returns>A lease; disposing it says that the layer's work has been launched.</returns>
    LayerLease Acquire(int layer);
}

/// <summary>A layer's weights for the time in which it computes.</summary>
/// <param name="Weights">The weights, on the device.</param>
/// <param name="Release">Called once the layer's work has been launched; null where nothing is to be done.</param>
internal readonly record struct LayerLease(LayerWeights Weights, Action? Release = null) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Release?.Invoke();
}

/// <summary>Layers that stay on their device.</summary>
/// <param name="firstLayer">The number of the first of <paramref name="layers"/> in the whole model.</param>
/// <param name="layers">Consecutive layers' weights.</param>
internal sealed class ResidentLayers(int firstLayer, IReadOnlyList<LayerWeights> layers) : ILayerResidency
{
    /// <inheritdoc/>
    public LayerLease Acquire(int layer) => new(layers[layer - firstLayer]);
}
