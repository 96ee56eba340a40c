using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Some of a layer's outputs, their weights in another number type: what is converted in passing stays small, whatever the matrix.</summary>
/// <param name="Weight">[outputs, in], in the type that was asked for; undefined once the next slice comes.</param>
/// <param name="Scales">[outputs]; null where the weights have none.</param>
/// <param name="Bias">[outputs]; null where there is none.</param>
/// <param name="Result">[rows, outputs]: the slice's columns of the whole result.</param>
internal readonly record struct OutputSlice(Tensor Weight, Tensor? Scales, Tensor? Bias, Tensor Result)
{
    /// <summary>Converts a layer slice by slice, all in one buffer.</summary>
    /// <param name="linear">[out, in].</param>
    /// <param name="type">The type of the slices' weights.</param>
    /// <param name="mostElements">How many weights are converted at once, at most; one output's at least.</param>
    /// <param name="result">[rows, out].</param>
    /// <param name="compute">Called for each slice, in a dispose scope of its own.</param>
    public static void ForEach(LinearWeights linear, ScalarType type, long mostElements, Tensor result, Action<OutputSlice> compute)
    {
        using DisposeScope whole = NewDisposeScope();
        (long outputs, long inputs) = (linear.Weight.size(0), linear.Weight.size(1));
        long most = Math.Clamp(mostElements / inputs, 1, outputs);
        Tensor buffer = empty([most, inputs], type, linear.Weight.device);
        for (long first = 0; first < outputs; first += most)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(most, outputs - first);
            Tensor weight = buffer.narrow(0, 0, count).copy_(linear.Weight.narrow(0, first, count));
            compute(new OutputSlice(weight, linear.Scales?.narrow(0, first, count), linear.Bias?.narrow(0, first, count), result.narrow(1, first, count)));
        }
    }
}
