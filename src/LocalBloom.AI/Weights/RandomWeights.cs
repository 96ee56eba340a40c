using LocalBloom.AI.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>Random weights of a given shape, made on the device that wants them: for measurements without a checkpoint.</summary>
/// <remarks>Normal with BLOOM's initializer_range 0.02; norms are the identity. Nothing depends on the values but the text, which is noise.</remarks>
internal sealed class RandomWeights(BloomConfig config) : IWeightSource
{
    private const double InitializerRange = 0.02;
    private const long PatternLength = (1 << 20) + 7; // no multiple of a row, so that rows differ

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
            FillNormal(destination, StableSeed(name));
        }
    }

    // Made on the CPU, where a generator can be seeded without touching torch's own (TorchSharp's are always the CPU's), and laid out again and
    // again: billions of numbers in no time, the same on every device.
    private static void FillNormal(Tensor destination, ulong seed)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(seed, CPU);
        Tensor flat = destination.view(-1);
        Tensor pattern = (randn(Math.Min(PatternLength, flat.shape[0]), generator: generator) * InitializerRange).to(destination.dtype).to(destination.device);
        for (long start = 0; start < flat.shape[0]; start += pattern.shape[0])
        {
            long count = Math.Min(pattern.shape[0], flat.shape[0] - start);
            using Tensor part = flat.narrow(0, start, count);
            using Tensor values = pattern.narrow(0, 0, count);
            part.copy_(values);
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
