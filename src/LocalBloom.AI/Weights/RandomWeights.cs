using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>Random weights of a given shape, laid out from a short pattern: for measurements without a checkpoint.</summary>
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
    public void Read(string name, Action<long, Tensor> consume, CancellationToken cancellationToken)
    {
        using DisposeScope scope = NewDisposeScope();
        long[] shape = BloomTensors.All(config).First(tensor => tensor.Name == name).Shape;
        bool isNorm = name.Contains("norm", StringComparison.Ordinal) || name.StartsWith("ln_f", StringComparison.Ordinal);
        long rowLength = shape.Skip(1).Aggregate(1L, (product, size) => product * size);
        Tensor pattern = isNorm ? full([PatternLength], name.EndsWith("weight", StringComparison.Ordinal) ? Scalars.One : Scalars.Zero, ScalarType.Float32) : Normal(StableSeed(name));
        Tensor twice = cat([pattern, pattern]).to_type(StoredType); // so that any part of the endless repetition is a view
        long chunk = Math.Clamp(PatternLength / rowLength, 1, shape[0]);
        for (long row = 0; row < shape[0]; row += chunk)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long count = Math.Min(chunk, shape[0] - row);
            using Tensor part = twice.narrow(0, row * rowLength % PatternLength, count * rowLength);
            using Tensor rows = part.view([count, .. shape.Skip(1)]);
            consume(row, rows);
        }
    }

    // Made on the CPU, where a generator can be seeded without touching torch's own (TorchSharp's are always the CPU's), and laid out again and
    // again: billions of numbers in no time, the same on every device.
    private static Tensor Normal(ulong seed)
    {
        using var generator = new Generator(seed, CPU);
        using Scalar range = InitializerRange.ToScalar();
        return randn(PatternLength, generator: generator) * range;
    }

    // FNV-1a: string.GetHashCode differs from process to process.
    private static ulong StableSeed(string name) => name.Aggregate(14695981039346656037UL, (hash, character) => (hash ^ character) * 1099511628211UL);

    /// <inheritdoc/>
    public bool TryReadInt8(string name, Action<long, Tensor, Tensor> consume, CancellationToken cancellationToken) => false;

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is held.
    }
}
