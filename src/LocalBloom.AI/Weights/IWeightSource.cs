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

    /// <summary>Writes a tensor.</summary>
    /// <param name="name">One of <see cref="BloomTensors.All"/>.</param>
    /// <param name="destination">Of the tensor's shape, in any number type, on any device.</param>
    /// <param name="cancellationToken">Ends the copy between chunks.</param>
    void Fill(string name, Tensor destination, CancellationToken cancellationToken);
}
