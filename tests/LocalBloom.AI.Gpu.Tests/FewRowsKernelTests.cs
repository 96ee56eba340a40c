using LocalBloom.AI.Kernels;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>Products of few rows with weights of 16 bits against float32; those with int8 weights are among <see cref="Int8KernelTests"/>.</summary>
public sealed class FewRowsKernelTests
{
    private static readonly (int Outputs, int Inputs)[] s_matrices =
        [(16, 32), (48, 64), (64, 1088), (144, 320), (4096, 4096), (1024, 16384), (12288, 1056), (250880, 64)];

    private static readonly int[] s_rows = [1, 3, 8, 9, 16];

    public static TheoryData<ScalarType, int, int, int> Shapes => KernelFixture.Cases(s_matrices, s_rows);

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Products_AreTheOracles(ScalarType type, int rows, int outputs, int inputs)
    {
        using var it = new Fixture(type);
        LinearWeights linear = it.Linear(outputs, inputs);
        Tensor x = it.Random(rows, inputs);
        Tensor before = it.Random(rows, outputs);
        Tensor result = full([rows, outputs], float.NaN, type, CUDA);
        Tensor residual = before.clone();
        Tensor again = before.clone();

        bool isDone = it.Kernel.TryMultiply(x, linear, result, FewRowsEnd.Stored);
        Assert.Equal(isDone, it.Kernel.TryMultiply(x, linear, residual, FewRowsEnd.Added));
        it.Kernel.TryMultiply(x, linear, again, FewRowsEnd.Added);

        bool isExpected = rows <= 8 || (outputs % 32 == 0 && it.HasRoomForSixteen);
        Assert.Equal(isExpected, isDone);
        if (!isDone)
        {
            Assert.True(residual.eq(before).all().item<bool>(), "what is not done leaves things alone");
            return;
        }

        Tensor wanted = Float(x).matmul(Float(linear.Weight).t()) + Float(linear.Bias!);
        Tensor slack = (Float(x).abs().matmul(Float(linear.Weight).abs().t()) * 2e-6) + 1e-6; // float32 sums in another order
        KernelFixture.Near(wanted, result, slack);
        KernelFixture.Near(wanted + Float(before), residual, slack);
        Assert.True(residual.eq(again).all().item<bool>(), "the order of the sums is fixed");
        Tensor activated = full([rows, outputs], float.NaN, type, CUDA);
        Assert.True(it.Kernel.TryMultiply(x, linear, activated, FewRowsEnd.Activated));
        Assert.True(activated.eq(it.Gelu(result)).all().item<bool>(), "gelu of what is stored");
    }

    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void WithoutBias_ThereIsNone(ScalarType type)
    {
        using var it = new Fixture(type);
        LinearWeights linear = it.Linear(64, 96) with { Bias = null };
        Tensor result = full([2, 64], float.NaN, type, CUDA);

        Assert.True(it.Kernel.TryMultiply(zeros([2, 96], type, CUDA), linear, result, FewRowsEnd.Stored));

        Assert.True(result.eq(0).all().item<bool>());
    }

    // A weight that is no number spoils its output alone, and a row that is none itself alone: chunks past the end are zeros, whatever lay there before.
    [Fact]
    public void WhatIsNoNumber_StaysWhereItIs()
    {
        using var it = new Fixture(ScalarType.Float16);
        LinearWeights linear = it.Linear(64, 96);
        linear.Weight[5, 7] = float.NaN;
        Tensor x = it.Random(4, 96);
        x[2, 90] = float.PositiveInfinity;
        Tensor result = zeros([4, 64], ScalarType.Float16, CUDA);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(it.Kernel.TryMultiply(x, linear, result, FewRowsEnd.Stored));
        }

        Tensor isNumber = result.isfinite();
        Assert.False(isNumber[2].any().item<bool>());
        Assert.False(isNumber.select(1, 5).any().item<bool>());
        Assert.Equal(3 * 63, isNumber.sum().item<long>());
    }

    private static Tensor Float(Tensor x) => x.to_type(ScalarType.Float32);

    private sealed class Fixture : KernelFixture
    {
        public Fixture(ScalarType type)
            : base(type)
        {
            HasRoomForSixteen = FewRowsShape.All.Any(shape => shape is { WeightBits: 16, Rows: 16 } && shape.SharedBytes <= Driver.MaxSharedBytes(0));
            Kernel = new FewRowsKernel(Native, Compiler, 0, type, weightBits: 16);
        }

        public FewRowsKernel Kernel { get; }

        public bool HasRoomForSixteen { get; }

        public LinearWeights Linear(int outputs, int inputs)
        {
            Tensor weight = (Random(outputs, inputs) * 0.02).to_type(Type);
            return new LinearWeights(weight, weight.t(), null, Random(outputs));
        }

        public override void Dispose()
        {
            Kernel.Dispose();
            base.Dispose();
        }
    }
}
