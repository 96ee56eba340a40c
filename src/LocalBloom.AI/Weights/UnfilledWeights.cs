using LocalBloom.AI.Model;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>A source that fills nothing: for tensors over memory whose content comes in another way.</summary>
/// <param name="config">The model's sizes.</param>
internal sealed class UnfilledWeights(BloomConfig config) : IWeightSource
{
    /// <inheritdoc/>
    public BloomConfig Config => config;

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes => [];

    /// <inheritdoc/>
    public ScalarType StoredType => ScalarType.Float32;

    /// <inheritdoc/>
    public void Read(string name, Action<long, Tensor> consume, CancellationToken cancellationToken)
    {
        // There are no rows.
    }

    /// <inheritdoc/>
    public bool TryReadInt8(string name, Action<long, Tensor, Tensor> consume, CancellationToken cancellationToken) => false;

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is held.
    }
}
