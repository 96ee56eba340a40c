using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Exact products of int8 matrices, on any device and of any size: torch's own where it has them, else float32 products of few columns.</summary>
internal sealed class IntegerProduct
{
    // 127 · 127 · 1024 is below 2^24: so many products are summed in float32 without rounding.
    private const long ExactColumns = 1024;

    // So many weights are float32 at once.
    private const long MaxElements = 1 << 22;

    // What torch.ops.aten._int_mm asks of CUDA.
    private const long CudaRows = 17;
    private const long CudaMultiple = 8;

    private readonly TorchNative _torch;
    private readonly bool _isCpuExact;

    /// <summary>Initializes a new instance of the <see cref="IntegerProduct"/> class.</summary>
    /// <param name="native">Torch.</param>
    public IntegerProduct(TorchNative native)
    {
        _torch = native;
        _isCpuExact = IsCpuExact();
    }

    /// <summary>Gets x·wᵀ.</summary>
    /// <param name="x">[rows, in], int8, contiguous.</param>
    /// <param name="transposed">wᵀ, [in, out], int8.</param>
    /// <returns>[rows, out], int32, in the caller's dispose scope.</returns>
    public Tensor Multiply(Tensor x, Tensor transposed)
    {
        if (x.device_type != DeviceType.CUDA)
        {
            return _isCpuExact ? OfTorch(x, transposed) : InPieces(x, transposed);
        }

        bool fits = transposed.size(0) % CudaMultiple == 0 && transposed.size(1) % CudaMultiple == 0;
        if (!fits)
        {
            return InPieces(x, transposed);
        }

        return x.size(0) >= CudaRows ? OfTorch(x, transposed) : Padded(x, transposed);
    }

    /// <summary>Gets x·wᵀ without torch's integer products.</summary>
    internal static Tensor InPieces(Tensor x, Tensor transposed)
    {
        long columns = x.size(1);
        Tensor sum = zeros([x.size(0), transposed.size(1)], ScalarType.Int32, x.device);
        for (long column = 0; column < columns; column += ExactColumns)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(ExactColumns, columns - column);
            AddPiece(x.narrow(1, column, count).to_type(ScalarType.Float32), transposed.narrow(0, column, count), sum);
        }

        return sum;
    }

    private static void AddPiece(Tensor x, Tensor transposed, Tensor sum)
    {
        long outputs = transposed.size(1);
        for (long first = 0; first < outputs; first += MaxElements / ExactColumns)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(MaxElements / ExactColumns, outputs - first);
            Tensor part = mm(x, transposed.narrow(1, first, count).to_type(ScalarType.Float32));
            sum.narrow(1, first, count).add_(part.to_type(ScalarType.Int32));
        }
    }

    private Tensor OfTorch(Tensor x, Tensor transposed)
    {
        Tensor result = empty([x.size(0), transposed.size(1)], ScalarType.Int32, x.device);
        _torch.IntegerMatrixProduct(result, x, transposed);
        return result;
    }

    private Tensor Padded(Tensor x, Tensor transposed)
    {
        long rows = x.size(0);
        Tensor padding = zeros([CudaRows - rows, x.size(1)], ScalarType.Int8, x.device);
        return OfTorch(cat([x, padding]), transposed).narrow(0, 0, rows);
    }

    // Kernels for CPUs without VNNI may sum pairs of products in 16 bits, where the largest do not fit.
    private bool IsCpuExact()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor signs = tensor(new long[] { 1, 1, -1, -1 }).repeat(32);
        using Scalar largest = 127.ToScalar(), two = 2.ToScalar();
        Tensor x = (signs.roll(1, 0) * largest).to_type(ScalarType.Int8).expand(4, 128).contiguous();
        Tensor weight = (stack([signs, -signs, ones_like(signs), signs.abs() - two]) * largest).to_type(ScalarType.Int8);
        return OfTorch(x, weight.t()).eq(InPieces(x, weight.t())).all().item<bool>();
    }
}
