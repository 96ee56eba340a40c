using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using Microsoft.Win32.SafeHandles;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Loading;

/// <summary>A checkpoint's weights, read straight from its memory-mapped files.</summary>
/// <param name="checkpoint">Disposed with this.</param>
/// <param name="native">Wraps mapped memory as tensors.</param>
internal sealed class CheckpointWeights(Checkpoint checkpoint, TorchNative native) : IWeightSource
{
    // A copy to a GPU, or into another number type, may need a host buffer of a chunk's size: so much anonymous memory, whatever the tensor.
    private const long ChunkBytes = 64 << 20;

    private readonly Dictionary<string, long> _lengths = checkpoint.Tensors.Values
        .Select(tensor => Path.Combine(checkpoint.Folder, tensor.File)).Distinct().ToDictionary(path => path, LengthOf);

    /// <inheritdoc/>
    public BloomConfig Config => checkpoint.Config;

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes => checkpoint.Notes;

    /// <inheritdoc/>
    public ScalarType StoredType => checkpoint.StoredType;

    /// <inheritdoc/>
    public void Read(string name, Action<long, Tensor> consume, CancellationToken cancellationToken)
    {
        bool isInt8 = TryReadInt8(
            name,
            (row, rows, scales) =>
            {
                using Tensor numbers = rows.to_type(scales.dtype);
                using Tensor column = scales.unsqueeze(1);
                consume(row, numbers.mul_(column));
            },
            cancellationToken);
        if (!isInt8)
        {
            ReadStored(name, consume, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public bool TryReadInt8(string name, Action<long, Tensor, Tensor> consume, CancellationToken cancellationToken)
    {
        if (checkpoint.Tensors[name].Type is not ScalarType.Int8)
        {
            return false;
        }

        CheckpointTensor stored = checkpoint.Tensors[name + Int8Declaration.ScaleSuffix];
        using Tensor scales = empty([.. stored.Shape], stored.Type);
        ((IWeightSource)this).Fill(stored.Name, scales, cancellationToken);
        RefuseInvalid(stored, scales);
        ReadStored(
            name,
            (row, rows) =>
            {
                using Tensor some = scales.narrow(0, row, rows.shape[0]);
                consume(row, rows, some);
            },
            cancellationToken);
        return true;
    }

    private void RefuseInvalid(CheckpointTensor stored, Tensor scales)
    {
        if (Int8Quantizer.FindInvalid(scales) is var (row, scale))
        {
            throw new CheckpointException(
                Path.Combine(checkpoint.Folder, stored.File),
                FormattableString.Invariant($"tensor {ErrorText.Name(stored.Name)} has {scale} for row {row}; expected a finite scale of zero or more. Quantise the original checkpoint again."));
        }
    }

    private void ReadStored(string name, Action<long, Tensor> consume, CancellationToken cancellationToken)
    {
        CheckpointTensor stored = checkpoint.Tensors[name];
        long rows = stored.Shape[0];
        long rowBytes = Math.Max(1, stored.Shape.Skip(1).Aggregate(stored.ElementSize, (long bytes, long size) => bytes * size));
        long chunk = Math.Clamp(ChunkBytes / rowBytes, 1, rows);
        string path = Path.Combine(checkpoint.Folder, stored.File);
        using SafeFileHandle file = InputFile.Open(path, out _);
        for (long row = 0; row < rows; row += chunk)
        {
            cancellationToken.ThrowIfCancellationRequested();
            RefuseShorter(path, file);
            ReadRows(stored, row, Math.Min(chunk, rows - row), consume);
        }
    }

    // Pages of a map whose file has become shorter end the process when they are touched: ask before each chunk.
    private void RefuseShorter(string path, SafeFileHandle file)
    {
        long length = RandomAccess.GetLength(file);
        if (_lengths.TryGetValue(path, out long before) && length < before)
        {
            throw new CheckpointException(path, $"the file became shorter while it was loaded: {length} bytes of {before}. Load again once it is complete.");
        }

        _lengths[path] = length;
    }

    private void ReadRows(CheckpointTensor stored, long row, long count, Action<long, Tensor> consume)
    {
        using DisposeScope scope = NewDisposeScope();
        long[] shape = [count, .. stored.Shape.Skip(1)];
        nint address = stored.Address + (nint)(row * stored.Strides[0] * stored.ElementSize);
        if (stored.IsAligned)
        {
            using Tensor source = native.Wrap(address, stored.Type, CPU, shape, [.. stored.Strides]);
            consume(row, source);
        }
        else
        {
            CopyUnaligned(stored, address, shape, rows => consume(row, rows));
        }
    }

    // Early writers did not pad their headers. Torch must not compute on odd addresses, so that the bytes are moved first.
    private unsafe void CopyUnaligned(CheckpointTensor stored, nint address, long[] shape, Action<Tensor> consume)
    {
        long last = shape.Zip(stored.Strides).Sum(dimension => (dimension.First - 1) * dimension.Second);
        var aligned = new byte[(stored.ElementSize * (1 + last)) + DeviceArena.Alignment];
        fixed (byte* room = aligned)
        {
            byte* copy = room + (DeviceArena.Alignment - ((nint)room % DeviceArena.Alignment));
            Buffer.MemoryCopy((void*)address, copy, aligned.Length, stored.ElementSize * (1 + last));
            using Tensor source = native.Wrap((nint)copy, stored.Type, CPU, shape, [.. stored.Strides]);
            consume(source);
        }
    }

    private static long LengthOf(string path)
    {
        using SafeFileHandle file = InputFile.Open(path, out long length);
        return length;
    }

    /// <inheritdoc/>
    public void Dispose() => checkpoint.Dispose();
}
