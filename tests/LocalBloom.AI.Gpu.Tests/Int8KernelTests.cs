using LocalBloom.AI.Kernels;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>Int8 products on a GPU against the same weights in float32.</summary>
public sealed class Int8KernelTests
{
    private static readonly (int Outputs, int Inputs)[] s_matrices = [(48, 64), (64, 1088), (16, 192), (144, 320), (4096, 4096), (1024, 16384), (12288, 1088), (250880, 64), (40, 72)]; // the last goes another way
    private static readonly int[] s_splits = [1, 2, 4];
    private static readonly int[] s_rows = [1, 3, 8, 9, 16, 17, 64, 65, 170, 200, 300, 512];

    public static TheoryData<ScalarType, int, int, int> Shapes => KernelFixture.Cases(s_matrices, s_rows);

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Products_AreTheOracles(ScalarType type, int rows, int outputs, int inputs)
    {
        using var it = new Fixture(type);
        (LinearWeights linear, Tensor exactWeight) = it.Linear(outputs, inputs);
        Tensor x = it.Random(rows, inputs) + (it.Random(inputs) > 3).to_type(type) * 50; // some columns stand out, as BLOOM's do
        Tensor before = it.Random(rows, outputs);
        Tensor wanted = x.to_type(ScalarType.Float32).matmul(exactWeight.t()) + linear.Bias!.to_type(ScalarType.Float32);
        Tensor slack = Slack(x, exactWeight);
        if (!CudaInt8Linear.Fits(linear.Weight))
        {
            // There cuBLAS multiplies in the type: each weight is rounded to it, and so is the product, before its bias and before the residual are added.
            // What is rounded is never larger than Σ|x·w| + |b|; Near allows for the last rounding.
            slack += 3 * KernelFixture.UnitOf(type) * (x.to_type(ScalarType.Float32).abs().matmul(exactWeight.abs().t()) + linear.Bias!.to_type(ScalarType.Float32).abs());
        }

        foreach (FewRowsLinear kernel in new[] { it.Int8, it.Halves })
        {
            Tensor result = full([rows, outputs], float.NaN, type, CUDA);
            Tensor residual = before.clone();

            kernel.Multiply(x, linear, result);
            kernel.MultiplyAdd(x, linear, residual);

            KernelFixture.Near(wanted, result, slack);
            KernelFixture.Near(wanted + before.to_type(ScalarType.Float32), residual, slack);
            Tensor activated = full([rows, outputs], float.NaN, type, CUDA);
            Assert.True(!kernel.TryMultiplyGelu(x, linear, activated) || activated.eq(it.Gelu(result)).all().item<bool>(), "gelu of what is stored");
        }
    }

    // Each way in which a prompt's product may be cut: with rounds of the pipeline, rows and outputs that do not fill the last tile, and sums of several blocks.
    public static TheoryData<ScalarType, int, int, int> Tilings =>
    [
        .. from type in new[] { ScalarType.Float16, ScalarType.BFloat16 }
           from tiling in Int8PromptTiling.All
           from splits in s_splits
           select new TheoryDataRow<ScalarType, int, int, int>(type, tiling.Outputs, tiling.Rows, splits),
    ];

    [Theory]
    [MemberData(nameof(Tilings))]
    public void Prompts_AreTheOracles_HoweverTheyAreCut(ScalarType type, int tileOutputs, int tileRows, int splits)
    {
        using var it = new Fixture(type);
        Assert.SkipWhen(it.Prompts is null, "the kernel is for GPUs of compute capability 9.0");
        (LinearWeights linear, Tensor exactWeight) = it.Linear(400, 41 * 64);
        Tensor x = it.Random(300, 41 * 64);
        Tensor before = it.Random(300, 400);
        Tensor result = full([300, 400], float.NaN, type, CUDA);
        Tensor residual = before.clone();
        Tensor again = before.clone();

        it.Prompts!.Multiply(x, linear, result, add: false, new Int8PromptTiling(tileOutputs, tileRows), splits);
        it.Prompts.Multiply(x, linear, residual, add: true, new Int8PromptTiling(tileOutputs, tileRows), splits);
        it.Prompts.Multiply(x, linear, again, add: true, new Int8PromptTiling(tileOutputs, tileRows), splits);

        Tensor wanted = x.to_type(ScalarType.Float32).matmul(exactWeight.t()) + linear.Bias!.to_type(ScalarType.Float32);
        Tensor slack = (x.to_type(ScalarType.Float32).abs().matmul(exactWeight.abs().t()) * 2e-6) + 1e-4;
        KernelFixture.Near(wanted, result, slack);
        KernelFixture.Near(wanted + before.to_type(ScalarType.Float32), residual, slack);
        Assert.True(residual.eq(again).all().item<bool>(), "whichever block comes last, the sum is the same");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    public void ARowOfNoNumbers_GivesNone_AndLeavesTheOthersAlone(int rows)
    {
        using var it = new Fixture(ScalarType.Float16);
        (LinearWeights linear, _) = it.Linear(64, 128);
        Tensor x = it.Random(rows, 128);
        x[0, 5] = float.PositiveInfinity;
        Tensor result = zeros([rows, 64], ScalarType.Float16, CUDA);

        it.Int8.Multiply(x, linear, result);

        Assert.False(result[0].isfinite().any().item<bool>());
        Assert.True(rows == 1 || result.narrow(0, 1, rows - 1).isfinite().all().item<bool>());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    public void RowsOfZeros_GiveTheBias(int rows)
    {
        using var it = new Fixture(ScalarType.Float16);
        (LinearWeights linear, _) = it.Linear(64, 128);
        Tensor result = full([rows, 64], float.NaN, ScalarType.Float16, CUDA);

        it.Int8.Multiply(zeros([rows, 128], ScalarType.Float16, CUDA), linear, result);

        Assert.True(result.eq(linear.Bias!).all().item<bool>());
    }

    // A kernel may begin before the one in front of it ends, and two may be on a multiprocessor at once: nothing is read too early, nothing is overwritten too soon.
    [Theory]
    [InlineData(1, 4096)] // a block has one tile, and its weights at once
    [InlineData(8, 4096)]
    [InlineData(8, 8192)] // weights come as they are multiplied
    [InlineData(16, 4096)]
    public void ProductsOfProducts_AreTheSame_HoweverFastTheyFollow(int rows, int size)
    {
        using var it = new Fixture(ScalarType.Float16);
        LinearWeights[] layers = [.. Enumerable.Range(0, 6).Select(_ => it.Linear(size, size).Linear)];
        Tensor first = it.Random(rows, size);

        Tensor expected = Run(betweenTwo: static () => cuda.synchronize());

        Assert.True(expected.isfinite().all().item<bool>());
        for (int i = 0; i < 30; i++)
        {
            Assert.True(Run(betweenTwo: static () => { }).eq(expected).all().item<bool>());
        }

        Tensor Run(Action betweenTwo)
        {
            Tensor[] turns = [first.clone(), empty_like(first)];
            for (int i = 0; i < 5; i++)
            {
                it.Int8.Multiply(turns[i % 2], layers[i % layers.Length], turns[(i + 1) % 2]);
                betweenTwo();
                it.Int8.MultiplyAdd(turns[(i + 1) % 2], layers[(i + 1) % layers.Length], turns[i % 2]);
                betweenTwo();
            }

            return turns[0];
        }
    }

    // A row's whole numbers are off by half a unit each, of 2⁻¹⁶ of the largest; float32 sums go in another order.
    private static Tensor Slack(Tensor x, Tensor weight)
    {
        Tensor largest = x.to_type(ScalarType.Float32).abs().amax([1], keepdim: true);
        Tensor weights = weight.abs().sum(1).unsqueeze(0);
        return (largest * weights * (0.5 / 32639)) + (x.to_type(ScalarType.Float32).abs().matmul(weight.abs().t()) * 2e-6) + 1e-4;
    }

    private sealed class Fixture : KernelFixture
    {
        private readonly FewRowsKernel _few;
        private readonly HalvesKernel _halves;

        public Fixture(ScalarType type)
            : base(type)
        {
            _few = new FewRowsKernel(Native, Compiler, 0, type, weightBits: 8);
            _halves = new HalvesKernel(Native, Compiler, 0, type);
            Prompts = Int8PromptKernel.Supports(Driver, 0) ? new Int8PromptKernel(Native, Compiler, 0, type) : null;
            Halves = new FewRowsLinear(_few, new CudaInt8Linear(new HalvesLinear(Native, _halves)));
            Int8 = Prompts is null ? Halves : new FewRowsLinear(_few, new CudaInt8Linear(new Int8PromptLinear(Prompts)));
        }

        // Null where the device has not the instructions.
        public Int8PromptKernel? Prompts { get; }

        // With the fastest that the device has.
        public FewRowsLinear Int8 { get; }

        // With what every device has, few rows included.
        public FewRowsLinear Halves { get; }

        // Weights, and what they stand for exactly.
        public (LinearWeights Linear, Tensor Exact) Linear(int outputs, int inputs)
        {
            Tensor data = empty([outputs, inputs], ScalarType.Int8, CUDA);
            Tensor scales = empty([outputs], Type, CUDA);
            Int8Quantizer.Quantize(Random(outputs, inputs) * 0.02, data, scales);
            return (new LinearWeights(data, data.t(), scales, Random(outputs)), data.to_type(ScalarType.Float32) * scales.to_type(ScalarType.Float32).unsqueeze(1));
        }

        public override void Dispose()
        {
            _few.Dispose();
            _halves.Dispose();
            Prompts?.Dispose();
            base.Dispose();
        }
    }
}
