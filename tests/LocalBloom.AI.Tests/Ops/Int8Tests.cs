using LocalBloom.AI.Native;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Ops;

public class Int8Tests
{
    private static readonly TorchNative s_torch = TorchNative.Load(null);

    public static TheoryData<string, ScalarType, int, int, int> Products
    {
        get
        {
            var data = new TheoryData<string, ScalarType, int, int, int>();
            foreach (string kernel in new[] { nameof(Int8Linear), nameof(DequantizedLinear), nameof(PromptTypeLinear) })
            {
                foreach (ScalarType type in new[] { ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16 })
                {
                    data.Add(kernel, type, 1, 128, 64);
                    data.Add(kernel, type, 5, 33, 7); // no multiples of anything
                    data.Add(kernel, type, 40, 64, 132);
                    data.Add(kernel, type, 3, 64, 130);
                }
            }

            return data;
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Quantize_IsOffByHalfAStepAtMost(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(7, CPU);
        Tensor rows = randn([300, 50], generator: generator) * (10 * ones(300)).pow(linspace(-6, 2, 300)).unsqueeze(1); // from next to nothing to large
        (Tensor data, Tensor scales) = Quantize(rows, type);

        Tensor restored = data.to_type(ScalarType.Float64) * scales.to_type(ScalarType.Float64).unsqueeze(1);
        Tensor step = scales.to_type(ScalarType.Float64).unsqueeze(1);

        // Beyond half a step only the row's largest weight may be, where the scale was rounded down; and what is below the smallest scale is zero.
        Tensor largest = rows.abs().amax([1], keepdim: true).to_type(ScalarType.Float64);
        Tensor allowed = (0.5001 * step) + (largest - (127 * step)).clamp_min(0);
        Assert.True(((restored - rows.to_type(ScalarType.Float64)).abs() <= allowed).all().item<bool>());
        Assert.InRange(data.abs().max().item<sbyte>(), 126, 127);
    }

    [Fact]
    public void Quantize_Zeros_AreZeros()
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor data, Tensor scales) = Quantize(zeros(3, 5), ScalarType.Float32);

        Assert.All(data.data<sbyte>(), value => Assert.Equal(0, value));
        Assert.All(scales.data<float>(), value => Assert.Equal(0, value));
    }

    // Where scales are subnormal: the distance of two is as much as a scale, and rounding one to the nearest might leave none.
    [Theory]
    [InlineData(ScalarType.Float16, -24, -8)]
    [InlineData(ScalarType.BFloat16, -133, -110)]
    [InlineData(ScalarType.Float32, -149, -120)]
    public void Quantize_TinyRows_StayWithinHalfAStep(ScalarType type, int leastPower, int greatestPower)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(10, CPU);
        double[] peaks = [.. Enumerable.Range(leastPower * 8, (greatestPower - leastPower) * 8).Select(eighth => Math.Pow(2, eighth / 8.0))];
        Tensor rows = (rand([peaks.Length, 48], generator: generator) * 2) - 1;
        rows[TensorIndex.Colon, 7] = -1;
        rows = (Double(rows) * tensor(peaks).unsqueeze(1)).to_type(ScalarType.Float32);

        (Tensor data, Tensor scales) = Quantize(rows, type);

        Tensor step = Double(scales).unsqueeze(1);
        Tensor isZero = Double(rows).abs().amax([1]) == 0; // less than any float32
        Assert.True((Double(scales) > 0).logical_or(isZero).all().item<bool>());
        Assert.True((((Double(data) * step) - Double(rows)).abs() <= step / 2 * 1.001).all().item<bool>());
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Quantize_RowsOfUsualSize_HaveTheNearestScale(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(11, CPU);
        Tensor rows = randn([200, 48], generator: generator) * 0.02;

        (_, Tensor scales) = Quantize(rows, type);

        Assert.Equal(Double((rows.abs().amax([1]) / 127).to_type(type)).data<double>().ToArray(), Double(scales).data<double>().ToArray());
    }

    [Fact]
    public void Quantize_InPieces_IsTheSame()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(8, CPU);
        Tensor rows = randn([5, 1 << 20], generator: generator); // more than are quantised at once
        (Tensor data, Tensor scales) = Quantize(rows, ScalarType.Float32);
        (Tensor last, Tensor lastScale) = Quantize(rows.narrow(0, 4, 1), ScalarType.Float32);

        Assert.Equal(last.data<sbyte>().ToArray(), data.narrow(0, 4, 1).data<sbyte>().ToArray());
        Assert.Equal(lastScale.item<float>(), scales[4].item<float>());
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void Products_AreThoseOfTheDequantizedWeights(string kernelName, ScalarType type, int rows, int inputs, int outputs)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(9, CPU);
        Tensor x = randn([rows, inputs], generator: generator).to_type(type);
        Tensor residual = randn([rows, outputs], generator: generator).to_type(type);
        (Tensor data, Tensor scales) = Quantize(randn([outputs, inputs], generator: generator), type);
        var linear = new LinearWeights(data, data.t(), scales, randn([outputs], generator: generator).to_type(type));
        ILinearKernel kernel = kernelName switch
        {
            nameof(Int8Linear) => new Int8Linear(s_torch),
            nameof(DequantizedLinear) => new DequantizedLinear(),
            _ => new PromptTypeLinear(new Int8Linear(s_torch), ScalarType.Float32),
        };
        Tensor product = empty([rows, outputs], type);
        Tensor withoutBias = empty([rows, outputs], type);
        Tensor sum = residual.clone();

        kernel.Multiply(x, linear, product);
        kernel.Multiply(x, linear with { Bias = null }, withoutBias);
        kernel.MultiplyAdd(x, linear, sum);

        Tensor weight = Double(data) * Double(scales).unsqueeze(1);
        Tensor truth = Double(x).matmul(weight.t());
        Tensor magnitude = Double(x).abs().matmul(weight.abs().t());
        AssertWithin(truth, withoutBias, magnitude, type);
        AssertWithin(truth + Double(linear.Bias!), product, magnitude + Double(linear.Bias!).abs(), type);
        AssertWithin(truth + Double(linear.Bias!) + Double(residual), sum, magnitude + Double(linear.Bias!).abs() + Double(residual).abs(), type);
    }

    private static (Tensor Data, Tensor Scales) Quantize(Tensor rows, ScalarType type)
    {
        Tensor data = empty(rows.shape, ScalarType.Int8);
        Tensor scales = empty([rows.shape[0]], type);
        Int8Quantizer.Quantize(rows, data, scales);
        return (data, scales);
    }

    private static Tensor Double(Tensor tensor) => tensor.to_type(ScalarType.Float64);

    // A weight made a number of the type, a product, a bias and a sum are rounded once each; sums of float32 add next to nothing.
    private static void AssertWithin(Tensor truth, Tensor result, Tensor magnitude, ScalarType type)
    {
        double roundoff = type switch { ScalarType.Float32 => 1e-6, ScalarType.Float16 => 1.0 / (1 << 11), _ => 1.0 / (1 << 8) };
        Assert.True(((Double(result) - truth).abs() <= (4 * roundoff * magnitude) + 1e-9).all().item<bool>());
    }
}
