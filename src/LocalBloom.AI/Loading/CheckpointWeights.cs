using System.Runtime.InteropServices;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Loading;

/// <summary>A checkpoint's weights, copied straight from its memory-mapped files.</summary>
/// <param name="checkpoint">Disposed with this.</param>
/// <param name="native">Wraps mapped memory as tensors.</param>
internal sealed class CheckpointWeights(Checkpoint checkpoint, TorchNative native) : IWeightSource
{
    // A copy to a GPU, or into another number type, may need a host buffer of a chunk's size: so much anonymous memory, whatever the tensor.
    private const long ChunkBytes = 64 << 20;

    /// <inheritdoc/>
    public BloomConfig Config => checkpoint.Config;

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes => checkpoint.Notes;

    /// <inheritdoc/>
    public ScalarType StoredType => checkpoint.Tensors[BloomTensors.Embedding].Type;

    /// <inheritdoc/>
    public void Fill(string name, Tensor destination, CancellationToken cancellationToken)
    {
        CheckpointTensor stored = checkpoint.Tensors[name];
        if (!stored.IsAligned)
        {
            FillUnaligned(stored, destination);
            return;
        }

        using Tensor source = native.Wrap(stored.Address, stored.Type, CPU, [.. stored.Shape], [.. stored.Strides]);
        long rows = stored.Shape[0];
        long rowBytes = Math.Max(1, stored.Shape.Skip(1).Aggregate(stored.Type.ElementSize(), (long bytes, long size) => bytes * size));
        long chunk = Math.Clamp(ChunkBytes / rowBytes, 1, rows);
        for (long row = 0; row < rows; row += chunk)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(chunk, rows - row);
            destination.narrow(0, row, count).copy_(source.narrow(0, row, count));
        }
    }

    // Early writers did not pad their headers. Torch must not compute on odd addresses, so that the bytes are moved first.
    private unsafe void FillUnaligned(CheckpointTensor stored, Tensor destination)
    {
        nuint bytes = (nuint)(stored.ElementSize * (1 + stored.Shape.Zip(stored.Strides).Sum(dimension => (dimension.First - 1) * dimension.Second)));
        void* copy = NativeMemory.AlignedAlloc(bytes, DeviceArena.Alignment);
        try
        {
            NativeMemory.Copy((void*)stored.Address, copy, bytes);
            using Tensor source = native.Wrap((nint)copy, stored.Type, CPU, [.. stored.Shape], [.. stored.Strides]);
            destination.copy_(source);
        }
        finally
        {
            NativeMemory.AlignedFree(copy);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => checkpoint.Dispose();
}
