using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Ops;

/// <summary>Finds the number type in which this CPU multiplies a prompt fastest.</summary>
/// <remarks>
/// It cannot be guessed: of two machines with two cores each, one ran bfloat16 ten times faster than float32, the other three times slower.
/// </remarks>
internal static class PromptTypeProbe
{
    private const int Rows = 64;
    private const int Size = 512;
    private const int Repeats = 3;
    private const double ClearGain = 1.5;

    /// <summary>Times a small product in each number type, conversion of the weights included. Takes some ten milliseconds.</summary>
    /// <param name="weightType">The weights' own number type.</param>
    /// <returns>The fastest, if clearly faster than the weights' own, and what each took.</returns>
    public static (ScalarType Fastest, IReadOnlyDictionary<ScalarType, TimeSpan> Times) Measure(ScalarType weightType)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = ones([Rows, Size], weightType) / Size;
        Tensor weight = ones([Size, Size], weightType) / Size;
        var times = new Dictionary<ScalarType, TimeSpan>();
        foreach (ScalarType type in new[] { weightType, ScalarType.BFloat16, ScalarType.Float32 }.Distinct())
        {
            times[type] = Enumerable.Range(0, Repeats + 1).Select(_ => Time(x, weight, type)).Skip(1).Min();
        }

        return (Choose(weightType, times), times);
    }

    /// <summary>Chooses by measured times.</summary>
    /// <param name="weightType">The weights' own number type.</param>
    /// <param name="times">What a product took in each type, the weights' own among them.</param>
    /// <returns>The fastest type if it wins by half again or more, else the weights' own.</returns>
    internal static ScalarType Choose(ScalarType weightType, IReadOnlyDictionary<ScalarType, TimeSpan> times)
    {
        // Another type than the weights' must win clearly: it rounds otherwise, and noise alone must not change what a prompt gives from start to start.
        (ScalarType fastest, TimeSpan least) = times.MinBy(pair => pair.Value);
        return least * ClearGain < times[weightType] ? fastest : weightType;
    }

    private static TimeSpan Time(Tensor x, Tensor weight, ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        long start = Stopwatch.GetTimestamp();
        nn.functional.linear(x.to_type(type), weight.to_type(type));
        return Stopwatch.GetElapsedTime(start);
    }
}
