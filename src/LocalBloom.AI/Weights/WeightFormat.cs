using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>How tensors of a checkpoint are kept.</summary>
/// <param name="Type">The number type of activations, biases, norms and scales, and of matrices that are not int8.</param>
/// <param name="IsInt8">Whether matrices are kept as int8 with a scale for each output row.</param>
internal readonly record struct WeightFormat(ScalarType Type, bool IsInt8 = false)
{
    /// <summary>Gets whether a tensor of this shape is kept as int8.</summary>
    public bool Quantizes(long[] shape) => IsInt8 && shape.Length == 2;

    /// <summary>Gets the bytes of a tensor of this shape, scales included.</summary>
    public long BytesOf(long[] shape)
    {
        long count = shape.Aggregate(1L, (product, size) => product * size);
        return Quantizes(shape) ? count + (shape[0] * Type.ElementSize()) : count * Type.ElementSize();
    }

    /// <summary>Gets the bytes that tensors take in an arena, alignment included.</summary>
    public long SizeOf(IEnumerable<(string Name, long[] Shape)> tensors)
    {
        WeightFormat format = this;
        return tensors.Sum(tensor => format.Quantizes(tensor.Shape)
            ? DeviceArena.SizeOf(ScalarType.Int8, tensor.Shape) + DeviceArena.SizeOf(format.Type, tensor.Shape[0])
            : DeviceArena.SizeOf(format.Type, tensor.Shape));
    }

    /// <inheritdoc/>
    public override string ToString() => IsInt8 ? $"Int8 with {Type}" : $"{Type}";
}
