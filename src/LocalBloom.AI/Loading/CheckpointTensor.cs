using static TorchSharp.torch;

namespace LocalBloom.AI.Loading;

/// <summary>A tensor where it lies in a mapped file.</summary>
/// <param name="Name">The canonical name, for example <c>h.3.mlp.dense_h_to_4h.weight</c>.</param>
/// <param name="Type">The number format: float32, float16 or bfloat16, little-endian, or int8.</param>
/// <param name="Shape">The sizes, outermost first.</param>
/// <param name="Strides">The distance between neighbours along each dimension, in elements.</param>
/// <param name="Address">Where the first element is, for reading only; valid while the <see cref="Checkpoint"/> is open.</param>
/// <param name="File">The file's name, without its folder.</param>
internal sealed record CheckpointTensor(
    string Name, ScalarType Type, IReadOnlyList<long> Shape, IReadOnlyList<long> Strides, nint Address, string File)
{
    /// <summary>The most dimensions that a foreign tensor may have; BLOOM's have 2 at most.</summary>
    public const int MaxRank = 8;

    /// <summary>Gets the bytes of one element.</summary>
    public int ElementSize => SizeOf(Type);

    /// <summary>Gets the number of elements.</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Gets the bytes of all elements.</summary>
    public long ByteCount => ElementCount * ElementSize;

    /// <summary>Gets a value indicating whether elements follow each other in row-major order.</summary>
    public bool IsContiguous => ElementCount == 0 || RowMajor(Shape).Zip(Strides, Shape).All(d => d.Third == 1 || d.First == d.Second);

    /// <summary>Gets a value indicating whether the address is a multiple of the element's size. If not, copy bytes before computing.</summary>
    public bool IsAligned => Address % ElementSize == 0;

    /// <summary>Gives the bytes of one element of a supported format.</summary>
    public static int SizeOf(ScalarType type) => type switch { ScalarType.Float32 => 4, ScalarType.Int8 => 1, _ => 2 };

    /// <summary>Gives the strides of a row-major tensor, in elements.</summary>
    public static long[] RowMajor(IReadOnlyList<long> shape)
    {
        var strides = new long[shape.Count];
        long stride = 1;
        for (int i = shape.Count - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(1, shape[i]);
        }

        return strides;
    }

    /// <summary>Multiplies a foreign shape; <see langword="null"/> where it has negative or too many sizes or its bytes overflow.</summary>
    public static long? CountElements(IReadOnlyList<long> shape)
    {
        Int128 count = 1; // sizes of 1 or more only grow it, so that overflow is seen even where another size is 0
        foreach (long size in shape)
        {
            count *= Math.Max(1, size);
            if (size < 0 || shape.Count > MaxRank || count > long.MaxValue / sizeof(float))
            {
                return null;
            }
        }

        return shape.Contains(0) ? 0 : (long)count;
    }
}
