using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>How tensors of a checkpoint are kept.</summary>
/// <param name="Type">The number type of activations, biases, norms and scales, and of matrices that are not int8.</param>
/// <param name="IsInt8">Whether matrices are kept as int8 with a scale for each output row.</param>
internal readonly record struct WeightFormat(ScalarType Type, bool IsInt8 = false)
{
    /// <summary>Gets which matrices are int8, and how products with them are computed; null for all, by weights alone.</summary>
    public Int8Settings? Int8 { get; init; }

    /// <summary>Gets the least magnitude of an outlier where activations are int8 too; null where they are not.</summary>
    public double? LlmInt8Threshold => IsInt8 && Int8?.Scheme is BloomInt8Scheme.LlmInt8 ? Int8.Threshold : null;

    /// <summary>Gets whether no matrix is kept in <see cref="Type"/>.</summary>
    public bool IsAllInt8 => IsInt8 && Int8 is not { SkipModules.Count: > 0 };

    /// <summary>Gets whether a tensor is kept as int8.</summary>
    public bool Quantizes(string name, long[] shape) => IsInt8 && shape.Length == 2 && !(Int8?.Skips(name) ?? false);

    /// <summary>Gets the bytes of a tensor, scales included.</summary>
    public long BytesOf(string name, long[] shape)
    {
        long count = shape.Aggregate(1L, (product, size) => product * size);
        return Quantizes(name, shape) ? count + (shape[0] * Type.ElementSize()) : count * Type.ElementSize();
    }

    /// <summary>Gets the bytes that tensors take in an arena, alignment included.</summary>
    public long SizeOf(IEnumerable<(string Name, long[] Shape)> tensors)
    {
        WeightFormat format = this;
        return tensors.Sum(tensor => format.Quantizes(tensor.Name, tensor.Shape)
            ? DeviceArena.SizeOf(ScalarType.Int8, tensor.Shape) + DeviceArena.SizeOf(format.Type, tensor.Shape[0])
            : DeviceArena.SizeOf(format.Type, tensor.Shape));
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string scheme = LlmInt8Threshold is not null ? "LlmInt8" : "Int8";
        string skipped = Int8 is { SkipModules.Count: > 0 } ? $" (not {string.Join(", ", Int8.SkipModules)})" : "";
        return IsInt8 ? $"{scheme}{skipped} with {Type}" : $"{Type}";
    }
}
