using LocalBloom.AI.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Model;

public class AlibiTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(8)]
    [InlineData(12)]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(112)]
    public void Slopes_AreThoseOfThePaper(int heads)
    {
        double[] expected = ReferenceSlopes(heads);

        float[] slopes = Alibi.Slopes(heads);

        // Computed in double, rounded to float once: half a unit in the last place of the slope.
        Assert.Equal(heads, slopes.Length);
        Assert.All(slopes.Zip(expected), pair => Assert.Equal(pair.Second, pair.First, pair.Second * 6e-8));
    }

    [Fact]
    public void Slopes_OfKnownHeadCounts_AreTheKnownNumbers()
    {
        Assert.Equal([1 / 256f], Alibi.Slopes(1));
        Assert.Equal([1 / 2f, 1 / 4f, 1 / 8f, 1 / 16f, 1 / 32f, 1 / 64f, 1 / 128f, 1 / 256f], Alibi.Slopes(8));

        // Four heads take every fourth power; two more take the first and third slope of eight heads.
        Assert.Equal([1 / 4f, 1 / 16f, 1 / 64f, 1 / 256f, 1 / 2f, 1 / 8f], Alibi.Slopes(6));
    }

    [Theory]
    [InlineData(0, 5)]   // a prompt
    [InlineData(3, 4)]   // a later piece of one
    [InlineData(6, 1)]   // a token of the reply
    [InlineData(0, 1)]   // the shortest prompt
    public void Bias_IsSlopeTimesDistance_AndMasksWhatIsToCome(int firstPosition, int rows)
    {
        using DisposeScope scope = NewDisposeScope();
        float[] slopes = Alibi.Slopes(6);
        int[] blocks = [0];

        Tensor bias = Alibi.Bias(tensor(slopes).view(-1, 1, 1), new StepSegment(0, rows, firstPosition, blocks));

        Assert.Equal([6, rows, firstPosition + rows], bias.shape);
        Assert.Equal(ScalarType.Float32, bias.dtype);
        for (int head = 0; head < slopes.Length; head++)
        {
            for (int row = 0; row < rows; row++)
            {
                for (int key = 0; key < firstPosition + rows; key++)
                {
                    int distance = key - (firstPosition + row);
                    Assert.Equal(distance > 0 ? float.NegativeInfinity : slopes[head] * distance, bias[head, row, key].item<float>());
                }
            }
        }
    }

    // Transformers adds slope × key position; softmax sees only differences along a row, and those are the same.
    [Fact]
    public void Bias_DiffersFromTransformersByAConstantPerRow()
    {
        using DisposeScope scope = NewDisposeScope();
        float[] slopes = Alibi.Slopes(12);
        int[] blocks = [0];

        Tensor bias = Alibi.Bias(tensor(slopes).view(-1, 1, 1), new StepSegment(0, 9, 0, blocks));
        Tensor reference = tensor(slopes).view(-1, 1, 1) * arange(9, ScalarType.Float32).view(1, 1, -1);
        Tensor difference = reference - bias;

        for (int row = 0; row < 9; row++)
        {
            Tensor seen = difference.select(1, row).narrow(1, 0, row + 1); // [heads, keys up to the row]

            // Numbers below 8, each rounded once or twice in float32.
            Assert.True((seen.amax(1) - seen.amin(1)).max().item<float>() <= 4 * 8 * 6e-8f);
        }
    }

    [Fact]
    public void Bias_StaysExactFarFromTheStart()
    {
        using DisposeScope scope = NewDisposeScope();
        int[] blocks = [0];

        Tensor bias = Alibi.Bias(tensor(Alibi.Slopes(8)).view(-1, 1, 1), new StepSegment(0, 2, 1_000_000, blocks));

        Assert.Equal(-0.5f, bias[0, 1, 1_000_000].item<float>());
        Assert.Equal(0, bias[0, 1, 1_000_001].item<float>());
        Assert.Equal(float.NegativeInfinity, bias[0, 0, 1_000_001].item<float>());
    }

    // As in the paper's own code: the sequence of a power of two, else that of the next lower one and every second slope of the next higher.
    private static double[] ReferenceSlopes(int heads)
    {
        if (int.IsPow2(heads))
        {
            double ratio = Math.Pow(2, -Math.Pow(2, -(Math.Log2(heads) - 3)));
            return [.. Enumerable.Range(0, heads).Select(i => ratio * Math.Pow(ratio, i))];
        }

        int closest = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)heads) / 2;
        return [.. ReferenceSlopes(closest), .. ReferenceSlopes(2 * closest).Where((_, i) => i % 2 == 0).Take(heads - closest)];
    }
}
