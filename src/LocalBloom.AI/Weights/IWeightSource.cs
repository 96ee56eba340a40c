using LocalBloom.AI.Model;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>Where the numbers come from: a checkpoint, or random ones of the right shape.</summary>
internal interface IWeightSource : IDisposable
{
    /// <summary>Gets the model's sizes.</summary>
    BloomConfig Config { get; }

    /// <summary>Gets what was found and not honoured, for the log.</summary>
    IReadOnlyList<string> Notes { get; }

    /// <summary>Gets the number type in which the source stores most weights.</summary>
    ScalarType StoredType { get; }

    /// <summary>Gets the shape in which a tensor is read: its own, or that of a part.</summary>
    /// <param name="name">One of <see cref="BloomTensors.All"/>.</param>
    /// <param name="shape">The tensor's own.</param>
    long[] ShapeOf(string name, long[] shape) => shape;

    /// <summary>Reads a tensor, some rows at a time.</summary>
    /// <param name="name">One of <see cref="BloomTensors.All"/>.</param>
    /// <param name="consume">Called in order with the first row's number and the rows, on the CPU, in the stored type, valid during the call.</param>
    /// <param name="cancellationToken">Ends the reading between chunks.</param>
    void Read(string name, Action<long, Tensor> consume, CancellationToken cancellationToken);

    /// <summary>Reads a matrix as it is stored, some rows at a time, if that is int8. By <see cref="Read"/> it is numbers in any case.</summary>
    /// <param name="name">One of <see cref="BloomTensors.All"/>.</param>
    /// <param name="consume">Called in order with the first row's number, the rows in int8 and their scales, on the CPU, valid during the call.</param>
    /// <param name="cancellationToken">Ends the reading between chunks.</param>
    /// <returns>Whether it is stored as int8; if not, nothing was done.</returns>
    bool TryReadInt8(string name, Action<long, Tensor, Tensor> consume, CancellationToken cancellationToken);

    /// <summary>Reads a matrix as it is stored, if that is int8, into tensors on any device.</summary>
    /// <param name="name">One of <see cref="BloomTensors.All"/>.</param>
    /// <param name="data">Of the shape that <see cref="ShapeOf"/> gives, int8.</param>
    /// <param name="scales">One for each row, of any number type.</param>
    /// <param name="cancellationToken">Ends the copy between chunks.</param>
    /// <returns>Whether it is stored as int8; if not, nothing was done.</returns>
    bool TryFillInt8(string name, Tensor data, Tensor scales, CancellationToken cancellationToken) => TryReadInt8(
        name,
        (row, rows, own) =>
        {
            CopyRows(rows, data, row);
            CopyRows(own, scales, row);
        },
        cancellationToken);

    /// <summary>Reads a tensor into another, of any number type, on any device.</summary>
    /// <param name="name">One of <see cref="BloomTensors.All"/>.</param>
    /// <param name="destination">Of the shape that <see cref="ShapeOf"/> gives.</param>
    /// <param name="cancellationToken">Ends the copy between chunks.</param>
    void Fill(string name, Tensor destination, CancellationToken cancellationToken) =>
        Read(name, (row, rows) => CopyRows(rows, destination, row), cancellationToken);

    private static void CopyRows(Tensor rows, Tensor destination, long row)
    {
        using Tensor part = destination.narrow(0, row, rows.shape[0]);
        part.copy_(rows);
    }
}
