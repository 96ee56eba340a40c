using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Native;

/// <summary>The C functions of libtorch that TorchSharp does not bind: tensors over our own memory, and products written into given buffers.</summary>
/// <remarks>
/// They are libtorch's interface for ahead-of-time compiled models (torch/csrc/inductor/aoti_torch/c/shim.h and generated/c_shim_{cpu,cuda}.h).
/// Tensor handles are TorchSharp's own. Thread-safe: nothing here has state.
/// </remarks>
internal sealed unsafe class TorchNative
{
    private readonly delegate* unmanaged<void*, long, long*, long*, long, int, int, int, nint*, int> _fromBlob;
    private readonly delegate* unmanaged<nint, nint, nint, nint, double, double, int> _addmmOutCpu;
    private readonly delegate* unmanaged<nint, nint, nint, nint, double, double, int> _addmmOutCuda;
    private readonly delegate* unmanaged<nint, void**, int> _getDataPointer;
    private readonly delegate* unmanaged<nint, nint, nint, nint*, int> _int8MatrixProductCpu;
    private readonly delegate* unmanaged<nint, nint, nint, int> _mmOutCpu;
    private readonly delegate* unmanaged<nint, nint, nint, int> _mmOutCuda;
    private readonly delegate* unmanaged<nint, nint, nint, int> _intMmOutCpu;
    private readonly delegate* unmanaged<nint, nint, nint, int> _intMmOutCuda;
    private readonly delegate* unmanaged<nint, nint, nint, int, int> _mmDtypeOutCuda; // null where this libtorch has none

    private TorchNative(string folder, nint torchCpu, nint torchCuda)
    {
        Folder = folder;
        _getDataPointer = (delegate* unmanaged<nint, void**, int>)Export(torchCpu, "aoti_torch_get_data_ptr");
        _fromBlob = (delegate* unmanaged<void*, long, long*, long*, long, int, int, int, nint*, int>)Export(torchCpu, "aoti_torch_create_tensor_from_blob");
        _addmmOutCpu = (delegate* unmanaged<nint, nint, nint, nint, double, double, int>)Export(torchCpu, "aoti_torch_cpu_addmm_out");
        _int8MatrixProductCpu = (delegate* unmanaged<nint, nint, nint, nint*, int>)Export(torchCpu, "aoti_torch_cpu__weight_int8pack_mm");
        _mmOutCpu = (delegate* unmanaged<nint, nint, nint, int>)Export(torchCpu, "aoti_torch_cpu_mm_out");
        _intMmOutCpu = (delegate* unmanaged<nint, nint, nint, int>)Export(torchCpu, "aoti_torch_cpu__int_mm_out");
        if (torchCuda != 0)
        {
            _addmmOutCuda = (delegate* unmanaged<nint, nint, nint, nint, double, double, int>)Export(torchCuda, "aoti_torch_cuda_addmm_out");
            _mmOutCuda = (delegate* unmanaged<nint, nint, nint, int>)Export(torchCuda, "aoti_torch_cuda_mm_out");
            _intMmOutCuda = (delegate* unmanaged<nint, nint, nint, int>)Export(torchCuda, "aoti_torch_cuda__int_mm_out");
            _mmDtypeOutCuda = (delegate* unmanaged<nint, nint, nint, int, int>)
                (NativeLibrary.TryGetExport(torchCuda, "aoti_torch_cuda_mm_dtype_out", out nint wide) ? wide : 0);
        }
    }

    /// <summary>Gets the folder of torch's libraries.</summary>
    public string Folder { get; }

    /// <summary>Loads torch and resolves the functions.</summary>
    /// <param name="libTorchPath">See <see cref="TorchLibraries.Load"/>.</param>
    /// <exception cref="NativeBackendException">A library or a function is missing.</exception>
    public static TorchNative Load(string? libTorchPath)
    {
        (string folder, nint torchCpu, nint torchCuda) = TorchLibraries.Load(libTorchPath);
        var native = new TorchNative(folder, torchCpu, torchCuda);
        InitializeDeviceType(DeviceType.CPU);
        return native;
    }

    /// <summary>Wraps memory as a tensor that does not own it.</summary>
    /// <param name="address">The first element, on <paramref name="device"/>; it must outlive the tensor.</param>
    /// <param name="type">The element type.</param>
    /// <param name="device">Where the memory is.</param>
    /// <param name="shape">Sizes.</param>
    /// <param name="strides">Steps between neighbours of each dimension, in elements; contiguous if empty.</param>
    /// <returns>A tensor that the caller disposes; no dispose scope holds it.</returns>
    public Tensor Wrap(nint address, ScalarType type, Device device, ReadOnlySpan<long> shape, ReadOnlySpan<long> strides = default)
    {
        Span<long> steps = stackalloc long[shape.Length];
        if (strides.IsEmpty)
        {
            long step = 1;
            for (int i = shape.Length - 1; i >= 0; i--)
            {
                steps[i] = step;
                step *= shape[i];
            }
        }
        else
        {
            strides.CopyTo(steps);
        }

        nint handle;
        fixed (long* sizes = shape)
        {
            fixed (long* strideList = steps)
            {
                // c10's numbers of the types and devices are TorchSharp's, by design of both.
                Check(_fromBlob((void*)address, shape.Length, sizes, strideList, 0, (int)type, (int)device.type, Math.Max(device.index, 0), &handle));
            }
        }

        return Tensor.UnsafeCreateTensor(handle).DetachFromDisposeScope();
    }

    /// <summary>Gets the address of a tensor's first element, on its device.</summary>
    public nint AddressOf(Tensor tensor)
    {
        void* address;
        Check(_getDataPointer(tensor.Handle, &address));
        return (nint)address;
    }

    /// <summary>result = x·wᵀ + bias.</summary>
    /// <param name="result">[rows, out].</param>
    /// <param name="bias">[out].</param>
    /// <param name="x">[rows, in].</param>
    /// <param name="transposed">wᵀ, [in, out].</param>
    public void AddMatrixProduct(Tensor result, Tensor bias, Tensor x, Tensor transposed) =>
        Check((result.device_type == DeviceType.CUDA ? _addmmOutCuda : _addmmOutCpu)(result.Handle, bias.Handle, x.Handle, transposed.Handle, 1, 1));

    /// <summary>result = x·wᵀ.</summary>
    /// <param name="result">[rows, out].</param>
    /// <param name="x">[rows, in].</param>
    /// <param name="transposed">wᵀ, [in, out].</param>
    public void MatrixProduct(Tensor result, Tensor x, Tensor transposed) =>
        Check((result.device_type == DeviceType.CUDA ? _mmOutCuda : _mmOutCpu)(result.Handle, x.Handle, transposed.Handle));

    /// <summary>result = x·wᵀ in whole numbers.</summary>
    /// <param name="result">[rows, out], int32, contiguous.</param>
    /// <param name="x">[rows, in], int8, contiguous; on a GPU more than 16 rows.</param>
    /// <param name="transposed">wᵀ, [in, out], int8; on a GPU both sizes are multiples of 8.</param>
    public void IntegerMatrixProduct(Tensor result, Tensor x, Tensor transposed) =>
        Check((result.device_type == DeviceType.CUDA ? _intMmOutCuda : _intMmOutCpu)(result.Handle, x.Handle, transposed.Handle));

    /// <summary>result = x·wᵀ in float32, of numbers of 16 bits.</summary>
    /// <param name="result">[rows, out], float32.</param>
    /// <param name="x">[rows, in], float16 or bfloat16.</param>
    /// <param name="transposed">wᵀ, [in, out], of the type of <paramref name="x"/>.</param>
    /// <returns>Whether it was computed: only CUDA devices can, and not with every libtorch.</returns>
    public bool TryWideMatrixProduct(Tensor result, Tensor x, Tensor transposed)
    {
        if (_mmDtypeOutCuda == null || result.device_type != DeviceType.CUDA)
        {
            return false;
        }

        Check(_mmDtypeOutCuda(result.Handle, x.Handle, transposed.Handle, (int)ScalarType.Float32));
        return true;
    }

    /// <summary>Gets x·(scales·w)ᵀ, on a CPU.</summary>
    /// <param name="x">[rows, in], contiguous, float32 or of 16 bits.</param>
    /// <param name="weight">w, [out, in], int8.</param>
    /// <param name="scales">[out], of the type of <paramref name="x"/>.</param>
    /// <returns>[rows, out], of the type of <paramref name="x"/>; the caller disposes it.</returns>
    public Tensor Int8MatrixProduct(Tensor x, Tensor weight, Tensor scales)
    {
        nint result;
        Check(_int8MatrixProductCpu(x.Handle, weight.Handle, scales.Handle, &result));
        return Tensor.UnsafeCreateTensor(result);
    }

    private static nint Export(nint library, string name) =>
        NativeLibrary.TryGetExport(library, name, out nint address)
            ? address
            : throw new NativeBackendException($"This libtorch lacks the function {name}. Use libtorch 2.10 or newer.");

    private static void Check(int status, [CallerArgumentExpression(nameof(status))] string? call = null)
    {
        if (status != 0)
        {
            throw new NativeCallException("libtorch", $"error {status} (its own message went to standard error)", call);
        }
    }
}
