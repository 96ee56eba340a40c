using LocalBloom.AI.Native;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Ops;

public class PromptTypeTests
{
    private const int In = 96;
    private const int Out = 64;

    private static readonly TorchNative s_torch = TorchNative.Load(null);

    public static TheoryData<ScalarType, ScalarType, int> Products
    {
        get
        {
            var data = new TheoryData<ScalarType, ScalarType, int>();
            foreach (int rows in new[] { 1, PromptTypeLinear.ManyRows - 1, PromptTypeLinear.ManyRows, 50 })
            {
                data.Add(ScalarType.Float16, ScalarType.BFloat16, rows);
                data.Add(ScalarType.Float16, ScalarType.Float32, rows);
                data.Add(ScalarType.BFloat16, ScalarType.Float32, rows);
                data.Add(ScalarType.BFloat16, ScalarType.Float16, rows);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void Products_AreTheTruthWithinRounding(ScalarType weightType, ScalarType productType, int rows)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(20240607, CPU);
        Tensor x = randn([rows, In], generator: generator).to_type(weightType);
        Tensor residual = randn([rows, Out], generator: generator).to_type(weightType);
        LinearWeights linear = Linear(generator, weightType);
        Tensor product = empty([rows, Out], weightType);
        Tensor sum = residual.clone();
        var few = new CountingLinear(new DenseLinear(s_torch));
        var kernel = new PromptTypeLinear(few, productType);

        kernel.Multiply(x, linear, product);
        kernel.MultiplyAdd(x, linear, sum);

        Assert.Equal(rows < PromptTypeLinear.ManyRows ? 2 : 0, few.Calls);
        ScalarType used = rows < PromptTypeLinear.ManyRows ? weightType : productType;
        Tensor truth = Double(x).matmul(Double(linear.Weight).t()) + Double(linear.Bias!);
        Tensor magnitude = Double(x).abs().matmul(Double(linear.Weight).abs().t()) + Double(linear.Bias!).abs();
        AssertWithin(truth, product, magnitude, used, weightType);
        AssertWithin(truth + Double(residual), sum, magnitude + Double(residual).abs(), used, weightType);
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.Int8)]
    public void LargeMatrices_AreConvertedInSlices_ToTheSameResult(ScalarType weightType)
    {
        const int Rows = PromptTypeLinear.ManyRows, Inputs = 2048, Outputs = 4100; // one slice has 2048
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(20240608, CPU);
        Tensor weight = randint(-127, 128, [Outputs, Inputs], generator: generator).to_type(weightType); // whole numbers: sums are exact in any order
        Tensor scales = randint(1, 5, [Outputs], generator: generator).to_type(ScalarType.Float16);
        Tensor bias = randint(-9, 9, [Outputs], generator: generator).to_type(ScalarType.Float16);
        Tensor x = randint(-1, 2, [Rows, Inputs], generator: generator).to_type(ScalarType.Float16);
        var linear = new LinearWeights(weight, weight.t(), weightType is ScalarType.Int8 ? scales : null, bias);
        Tensor product = empty([Rows, Outputs], ScalarType.Float32);
        Tensor sum = ones([Rows, Outputs], ScalarType.Float32);
        var kernel = new PromptTypeLinear(new DenseLinear(s_torch), ScalarType.Float32);

        kernel.Multiply(x, linear, product);
        kernel.MultiplyAdd(x, linear, sum);

        Tensor wanted = Double(x).matmul(Double(weight).t()) * (linear.Scales is null ? 1 : Double(scales)) + Double(bias);
        Assert.True(Double(product).eq(wanted).all().item<bool>());
        Assert.True(Double(sum).eq(wanted + 1).all().item<bool>());
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Probe_TimesEachCandidate_AndChoosesByItsTimes(ScalarType weightType)
    {
        (ScalarType chosen, IReadOnlyDictionary<ScalarType, TimeSpan> times) = PromptTypeProbe.Measure(weightType);

        Assert.Equal(new HashSet<ScalarType> { weightType, ScalarType.BFloat16, ScalarType.Float32 }, times.Keys.ToHashSet());
        Assert.All(times.Values, time => Assert.True(time > TimeSpan.Zero));
        Assert.Equal(PromptTypeProbe.Choose(weightType, times), chosen);
    }

    [Theory]
    [InlineData(30, 20.1, 25, ScalarType.Float16)]
    [InlineData(30, 19.9, 25, ScalarType.BFloat16)]
    [InlineData(30, 25, 10, ScalarType.Float32)]
    [InlineData(10, 25, 30, ScalarType.Float16)]
    public void Choice_LeavesTheWeightsOwnType_OnlyForAClearGain(double own, double bfloat16, double float32, ScalarType expected)
    {
        var times = new Dictionary<ScalarType, TimeSpan>
        {
            [ScalarType.Float16] = TimeSpan.FromMilliseconds(own),
            [ScalarType.BFloat16] = TimeSpan.FromMilliseconds(bfloat16),
            [ScalarType.Float32] = TimeSpan.FromMilliseconds(float32),
        };

        Assert.Equal(expected, PromptTypeProbe.Choose(ScalarType.Float16, times));
    }

    // Operands are rounded to the product's type, twice u each together; sums of n terms are float32's; the product is rounded once more in its
    // type, and in the weights' type there are a conversion, the bias and the residual. All in proportion to the magnitude Σ|x·w| + |b| + |r|.
    private static void AssertWithin(Tensor truth, Tensor actual, Tensor magnitude, ScalarType used, ScalarType weightType)
    {
        double share = (3.1 * UnitRoundoff(used)) + (3.1 * UnitRoundoff(weightType)) + (In * UnitRoundoff(ScalarType.Float32));
        Tensor excess = (truth - Double(actual)).abs() - (share * magnitude);
        Assert.True((excess <= 0).all().item<bool>(), $"{excess.max().item<double>()} beyond the bound");
    }

    private static double UnitRoundoff(ScalarType type) => type switch
    {
        ScalarType.BFloat16 => 1.0 / (1 << 8),
        ScalarType.Float16 => 1.0 / (1 << 11),
        _ => 1.0 / (1 << 24),
    };

    private static LinearWeights Linear(Generator generator, ScalarType type)
    {
        Tensor weight = (randn([Out, In], generator: generator) / Math.Sqrt(In)).to_type(type);
        return new LinearWeights(weight, weight.t(), null, (4 * randn([Out], generator: generator)).to_type(type));
    }

    private static Tensor Double(Tensor tensor) => tensor.to_type(ScalarType.Float64);

    private sealed class CountingLinear(ILinearKernel inner) : ILinearKernel
    {
        public int Calls { get; private set; }

        public void Multiply(Tensor x, LinearWeights linear, Tensor result)
        {
            Calls++;
            inner.Multiply(x, linear, result);
        }

        public void MultiplyAdd(Tensor x, LinearWeights linear, Tensor residual)
        {
            Calls++;
            inner.MultiplyAdd(x, linear, residual);
        }
    }
}

public class CpuPromptNumberTypeTests
{
    // As in HalfPrecisionSuite: each of some ten roundings in a layer moves a logit by up to the unit roundoff of the largest.
    private const int RoundingsPerLayer = 10;

    public static TheoryData<string, BloomNumberType, BloomNumberType> Types
    {
        get
        {
            var data = new TheoryData<string, BloomNumberType, BloomNumberType>();
            foreach (BloomNumberType prompt in Enum.GetValues<BloomNumberType>())
            {
                data.Add("safetensors-f32", BloomNumberType.Float16, prompt);
                data.Add("bin-f16-noprefix", BloomNumberType.Float16, prompt);
                data.Add("sharded-bf16-6heads-postln", BloomNumberType.BFloat16, prompt);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Logits_AreTheReference_WithinRounding(string name, BloomNumberType weights, BloomNumberType prompt)
    {
        string model = Golden.Model(name);
        GoldenCase golden = Golden.Read(model).Cases.MaxBy(golden => golden.Ids.Count)!;
        Assert.True(golden.Ids.Count >= PromptTypeLinear.ManyRows);
        using TestModel loaded = Load(model, weights, prompt);

        float[] logits = loaded.LastLogits(golden.Ids);

        // Automatic may pick either; the coarser of the two bounds both.
        bool isCoarse = weights is BloomNumberType.BFloat16 || prompt is BloomNumberType.BFloat16 or BloomNumberType.Auto;
        double tolerance = RoundingsPerLayer * loaded.Loaded.Config.LayerCount * (isCoarse ? 1.0 / (1 << 8) : 1.0 / (1 << 11)) * logits.Max(Math.Abs);
        Assert.All(golden.LastLogitsTop50.Ids.Zip(golden.LastLogitsTop50.Values), pair => Assert.Equal(pair.Second, logits[pair.First], tolerance));
    }

    [Fact]
    public void PromptType_IsHonoured()
    {
        string model = Golden.Model("safetensors-f32");
        IReadOnlyList<int> ids = Golden.Read(model).Cases.MaxBy(golden => golden.Ids.Count)!.Ids;
        using TestModel fine = Load(model, BloomNumberType.Float16, BloomNumberType.Float32);
        using TestModel coarse = Load(model, BloomNumberType.Float16, BloomNumberType.BFloat16);

        Assert.NotEqual(fine.LastLogits(ids), coarse.LastLogits(ids)); // other roundings leave other bits
        Assert.Equal(fine.LastLogits([.. ids.Take(5)]), coarse.LastLogits([.. ids.Take(5)])); // few rows never meet the prompt's type
    }

    private static TestModel Load(string model, BloomNumberType weights, BloomNumberType prompt) => new(new BloomChatClientOptions
    {
        Model = model,
        Devices = ["cpu"],
        NumberType = weights,
        CpuPromptNumberType = prompt,
        MaxContextTokens = 128,
    });
}
