using LocalBloom.AI.Kernels;
using LocalBloom.AI.Model;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Weights;
using TorchSharp;

namespace LocalBloom.AI.Placement;

/// <summary>What products with weights take in passing, beside the rows that go in and come out: at most, by who computes them on a device. A pure function of shapes.</summary>
/// <param name="format">How weights are kept.</param>
/// <param name="tensors">All that a device has.</param>
/// <param name="rows">The most rows of a step.</param>
internal sealed class ProductMemory(WeightFormat format, IEnumerable<(string Name, long[] Shape)> tensors, int rows)
{
    private readonly (string Name, long[] Shape)[] _matrices = [.. tensors.Where(tensor => tensor.Shape.Length == 2)];

    private bool IsLlmInt8 => format.LlmInt8Threshold is not null;

    private long LargestElements => _matrices.Max(matrix => matrix.Shape[0] * matrix.Shape[1]);

    /// <summary>Gets the bytes on a device.</summary>
    /// <remarks>Of a GPU that is not known, whatever it may turn out to be.</remarks>
    public long BytesOn(DeviceMemory device) =>
        device.Device.Kind is DeviceKind.Cpu ? PromptTypeLinear.TemporaryBytes(LargestElements) + (IsInt8LinearEnough ? 0 : Int8OfAnySize)
        : !format.IsInt8 ? 0
        : IsOurKernelEnough(device) ? Int8PromptKernel.TemporaryBytes(rows, (int)_matrices.Max(matrix => matrix.Shape[1]))
        : Math.Max(HalvesLinear.TemporaryBytes, Int8OfAnySize);

    private bool IsInt8LinearEnough => !format.IsInt8 || (!IsLlmInt8 && _matrices.All(matrix => Int8Linear.Fits(matrix.Shape[0], matrix.Shape[1])));

    // CudaInt8Linear asks for no more than whole chunks either way; what does not fit is dequantised.
    private bool IsOurKernelEnough(DeviceMemory device) =>
        !IsLlmInt8 && format.Type.ElementSize() == sizeof(short) && device.KernelCapability is { } capability && Int8PromptKernel.Supports(capability)
        && _matrices.All(matrix => matrix.Shape.All(size => size % Int8PromptTiling.ChunkInputs == 0));

    private long Int8OfAnySize => DequantizedLinear.TemporaryBytes(LargestElements, format.Type) + (IsLlmInt8 ? LlmInt8Linear.TemporaryBytes(WidestOfLayer, rows) : 0);

    private long WidestOfLayer => _matrices.Where(matrix => BloomTensors.IsOfLayer(matrix.Name)).Max(matrix => matrix.Shape.Max());
}
