using LocalBloom.AI.Model;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>Random weights of a given shape, made on the device that wants them: for measurements without a checkpoint.</summary>
/// <remarks>Normal with BLOOM's initializer_range 0.02; norms are the identity. Nothing depends on the values but the text, which is noise.</remarks>
internal sealed class RandomWeights(BloomConfig config) : IWeightSource
{
    private const double InitializerRange = 0.02;

    /// <inheritdoc/>
    public BloomConfig Config => config;

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes => [];

    /// <inheritdoc/>
    public ScalarType StoredType => config.DeclaredType ?? ScalarType.Float16;

    /// <inheritdoc/>
    public void Fill(string name, Tensor destination, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (name.Contains("norm", StringComparison.Ordinal) || name.StartsWith("ln_f", StringComparison.Ordinal))
        {
            destination.fill_(name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0);
        }
        else
        {
            // A generator of the tensor's own: the same numbers whichever device asks first.
            using var generator = new Generator(StableSeed(name), destination.device);
            destination.normal_(0, InitializerRange, generator);
        }
    }

    // FNV-1a: string.GetHashCode differs from process to process.
    private static ulong StableSeed(string name) => name.Aggregate(14695981039346656037UL, (hash, character) => (hash ^ character) * 1099511628211UL);

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is held.
    }
}
