using LocalBloom.AI.Native;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Ops;

public class LlmInt8Tests
{
    private static readonly TorchNative s_torch = TorchNative.Load(null);

    [Theory]
    [InlineData(0.0, 5, 7, 24)]
    [InlineData(6.0, 5, 7, 24)]
    [InlineData(6.0, 1, 64, 64)]
    [InlineData(0.5, 3, 5, 9)] // nearly every column stands out
    [InlineData(1000.0, 3, 5, 9)] // none does
    public void Product_IsThePapersAlgorithm(double threshold, int rows, int outputs, int inputs)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(11, CPU);
        Tensor x = randn([rows, inputs], generator: generator);
        x[0, 3] = 60; // an outlier, which would cost the others of its row all their digits
        x[rows - 1, 1] = -9;
        LinearWeights linear = Quantized(randn([outputs, inputs], generator: generator), randn([outputs], generator: generator));
        Tensor before = randn([rows, outputs], generator: generator);
        Tensor result = empty([rows, outputs]);
        Tensor residual = before.clone();

        var kernel = new LlmInt8Linear(s_torch, threshold);
        kernel.Multiply(x, linear, result);
        kernel.MultiplyAdd(x, linear, residual);

        float[,] wanted = Reference(x, linear, threshold);
        for (int row = 0; row < rows; row++)
        {
            for (int output = 0; output < outputs; output++)
            {
                float tolerance = 1e-5f * (1 + Math.Abs(wanted[row, output])) * inputs;
                Assert.Equal(wanted[row, output], result[row, output].item<float>(), tolerance);
                Assert.Equal(wanted[row, output] + before[row, output].item<float>(), residual[row, output].item<float>(), tolerance);
            }
        }
    }

    // Both parts, both scales, bias and residual are summed in float32: what is stored is the number of 16 bits that is next to the exact sum.
    [Theory]
    [InlineData(ScalarType.Float16, 1.0 / (1 << 11))]
    [InlineData(ScalarType.BFloat16, 1.0 / (1 << 8))]
    public void SixteenBits_AreRoundedOnce(ScalarType type, double unitRoundoff)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(14, CPU);
        Tensor x = randn([5, 96], generator: generator);
        x.narrow(1, 17, 1).fill_(40);
        x = x.to_type(type);
        LinearWeights linear = Quantized(randn([33, 96], generator: generator), randn([33], generator: generator), type);
        Tensor before = randn([5, 33], generator: generator).to_type(type);
        Tensor result = empty([5, 33], type);
        Tensor residual = before.clone();

        var kernel = new LlmInt8Linear(s_torch, 6);
        kernel.Multiply(x, linear, result);
        kernel.MultiplyAdd(x, linear, residual);

        float[,] wanted = Reference(x.to_type(ScalarType.Float32), Exact(linear), 6);
        for (int row = 0; row < 5; row++)
        {
            for (int output = 0; output < 33; output++)
            {
                AssertRoundedOnce(wanted[row, output], result[row, output].to_type(ScalarType.Float32).item<float>());
                AssertRoundedOnce(
                    wanted[row, output] + before[row, output].to_type(ScalarType.Float32).item<float>(), residual[row, output].to_type(ScalarType.Float32).item<float>());
            }
        }

        // Float32 sums of a hundred terms, the largest of them 40 · 3, are off by some 1e-4.
        void AssertRoundedOnce(float exact, float stored) => Assert.Equal(exact, stored, (unitRoundoff * Math.Abs(exact)) + 2e-4);
    }

    [Fact]
    public void Outliers_KeepTheOthersDigits()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(12, CPU);
        Tensor x = randn([4, 256], generator: generator);
        x.narrow(1, 17, 1).fill_(80);
        LinearWeights linear = Quantized(randn([32, 256], generator: generator), zeros(32));
        Tensor exact = x.matmul((linear.Weight.to_type(ScalarType.Float32) * linear.Scales!.unsqueeze(1)).t());

        double Error(double threshold)
        {
            using Tensor result = empty([4, 32]);
            new LlmInt8Linear(s_torch, threshold).Multiply(x, linear, result);
            return (result - exact).abs().max().item<float>();
        }

        Assert.True(Error(6) < Error(0) / 10);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 5, 7)]
    [InlineData(17, 33, 65)]
    [InlineData(40, 64, 4096)]
    [InlineData(2, 4100, 1030)] // in pieces of both
    public void IntegerProducts_AreExact(int rows, int outputs, int inputs)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(13, CPU);
        Tensor x = randint(-127, 128, [rows, inputs], ScalarType.Int8, generator: generator);
        Tensor weight = randint(-127, 128, [outputs, inputs], ScalarType.Int8, generator: generator);
        Tensor wanted = x.to_type(ScalarType.Int64).matmul(weight.to_type(ScalarType.Int64).t());

        Assert.True(new IntegerProduct(s_torch).Multiply(x, weight.t()).to_type(ScalarType.Int64).eq(wanted).all().item<bool>());
        Assert.True(IntegerProduct.InPieces(x, weight.t()).to_type(ScalarType.Int64).eq(wanted).all().item<bool>());
    }

    [Theory]
    [InlineData("h.3.mlp.dense_h_to_4h.weight", "mlp.dense_h_to_4h", true)]
    [InlineData("h.3.self_attention.dense.weight", "mlp.dense_h_to_4h", false)]
    [InlineData("h.3.self_attention.dense.weight", "self_attention.dense", true)]
    [InlineData("word_embeddings.weight", "word_embeddings", true)]
    [InlineData("word_embeddings.weight", "lm_head", false)]
    [InlineData("lm_head.weight", "lm_head", true)]
    public void SkippedModules_AreFoundByName(string tensor, string module, bool isSkipped) =>
        Assert.Equal(isSkipped, new Int8Settings(BloomInt8Scheme.WeightOnly, 6, [module]).Skips(tensor));

    private static LinearWeights Quantized(Tensor weight, Tensor bias, ScalarType type = ScalarType.Float32)
    {
        Tensor data = empty(weight.shape, ScalarType.Int8);
        Tensor scales = empty(weight.shape[0], type);
        Int8Quantizer.Quantize(weight, data, scales);
        return new LinearWeights(data, data.t(), scales, bias.to_type(type));
    }

    private static LinearWeights Exact(LinearWeights linear) =>
        linear with { Scales = linear.Scales!.to_type(ScalarType.Float32), Bias = linear.Bias!.to_type(ScalarType.Float32) };

    // Number by number, as the paper says it.
    private static float[,] Reference(Tensor x, LinearWeights linear, double threshold)
    {
        (int rows, int inputs, int outputs) = ((int)x.shape[0], (int)x.shape[1], (int)linear.Weight.shape[0]);
        float[] activations = [.. x.data<float>()];
        sbyte[] weights = [.. linear.Weight.data<sbyte>()];
        float[] scales = [.. linear.Scales!.data<float>()];
        float[] bias = [.. linear.Bias!.data<float>()];
        bool IsOutlier(int column) => threshold > 0 && Enumerable.Range(0, rows).Any(row => Math.Abs(activations[(row * inputs) + column]) >= threshold);
        int[] regular = [.. Enumerable.Range(0, inputs).Where(column => !IsOutlier(column))];
        int[] outliers = [.. Enumerable.Range(0, inputs).Where(IsOutlier)];
        var result = new float[rows, outputs];
        for (int row = 0; row < rows; row++)
        {
            float scale = regular.Select(column => Math.Abs(activations[(row * inputs) + column])).DefaultIfEmpty().Max() / 127;
            for (int output = 0; output < outputs; output++)
            {
                long sum = regular.Sum(column => scale > 0 ? (long)MathF.Round(activations[(row * inputs) + column] / scale) * weights[(output * inputs) + column] : 0);
                double kept = outliers.Sum(column => (double)activations[(row * inputs) + column] * weights[(output * inputs) + column] * scales[output]);
                result[row, output] = (float)((sum * (double)scale * scales[output]) + kept + bias[output]);
            }
        }

        return result;
    }
}
