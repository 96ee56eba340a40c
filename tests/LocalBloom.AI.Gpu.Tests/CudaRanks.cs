using LocalBloom.AI.Testing;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>What joins both GPUs runs alone: models are loaded and freed at any time in tests, which may wait for a GPU that waits for the other.</summary>
[CollectionDefinition(nameof(BothGpus), DisableParallelization = true)]
public sealed class BothGpus;

/// <summary>Two ranks on one GPU: sums through torch, for it is never to spin there.</summary>
public sealed class TensorParallelCuda : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        Cuda.Require();
        options.Strategy = BloomStrategy.TensorParallel;
        options.Devices = ["cuda:0#0", "cuda:0#1"];
        options.NumberType = BloomNumberType.Float32;
    }
}

public sealed class TensorParallelCudaFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        TensorParallelCuda.Configure(options);
        options.NumberType = BloomNumberType.Float16;
    }
}

public sealed class Int8TensorParallelCudaFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        TensorParallelCudaFloat16.Configure(options);
        options.WeightFormat = BloomWeightFormat.Int8;
    }
}

/// <summary>Two ranks on two GPUs: sums through each other's memory.</summary>
public sealed class TwoGpus : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        Cuda.RequireTwo();
        options.Strategy = BloomStrategy.TensorParallel;
        options.Devices = ["cuda:0", "cuda:1"];
        options.NumberType = BloomNumberType.Float32;
    }
}

public sealed class TwoGpusFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        TwoGpus.Configure(options);
        options.NumberType = BloomNumberType.Float16;
    }
}

public sealed class TwoGpusBFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        TwoGpus.Configure(options);
        options.NumberType = BloomNumberType.BFloat16;
    }
}

public sealed class TwoGpusInt8 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        TwoGpusFloat16.Configure(options);
        options.WeightFormat = BloomWeightFormat.Int8;
    }
}

public sealed class LayerSplitTwoGpus : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        TwoGpus.Configure(options);
        options.Strategy = BloomStrategy.LayerSplit;
    }
}

public sealed class TensorParallelCudaGolden(StrategyFixture<TensorParallelCuda> fixture) : GoldenSuite<TensorParallelCuda>(fixture);

public sealed class TensorParallelCudaFloat16Golden(StrategyFixture<TensorParallelCudaFloat16> fixture)
    : HalfPrecisionSuite<TensorParallelCudaFloat16>(fixture, Float16);

public sealed class Int8TensorParallelCudaFloat16Golden(StrategyFixture<Int8TensorParallelCudaFloat16> fixture)
    : Int8Suite<Int8TensorParallelCudaFloat16>(fixture);

public sealed class Int8TensorParallelCudaFloat16Quantized() : QuantizedCheckpointSuite<Int8TensorParallelCudaFloat16>(SharedColumns);

[Collection(nameof(BothGpus))]
public sealed class TwoGpusInt8Quantized() : QuantizedCheckpointSuite<TwoGpusInt8>(SharedColumns);

[Collection(nameof(BothGpus))]
public sealed class TwoGpusGolden(StrategyFixture<TwoGpus> fixture) : GoldenSuite<TwoGpus>(fixture);

[Collection(nameof(BothGpus))]
public sealed class TwoGpusFloat16Golden(StrategyFixture<TwoGpusFloat16> fixture) : HalfPrecisionSuite<TwoGpusFloat16>(fixture, Float16);

[Collection(nameof(BothGpus))]
public sealed class TwoGpusBFloat16Golden(StrategyFixture<TwoGpusBFloat16> fixture) : HalfPrecisionSuite<TwoGpusBFloat16>(fixture, BFloat16);

[Collection(nameof(BothGpus))]
public sealed class TwoGpusInt8Golden(StrategyFixture<TwoGpusInt8> fixture) : Int8Suite<TwoGpusInt8>(fixture);

[Collection(nameof(BothGpus))]
public sealed class TwoGpusFloat16Batches(TwoStrategies<TwoGpusFloat16, TwoGpus> fixture) : BatchInvarianceSuite<TwoGpusFloat16, TwoGpus>(fixture);

[Collection(nameof(BothGpus))]
public sealed class LayerSplitTwoGpusGolden(StrategyFixture<LayerSplitTwoGpus> fixture) : GoldenSuite<LayerSplitTwoGpus>(fixture);

public sealed class TensorParallelCudaContract : ChatClientContract<TensorParallelCuda>;

[Collection(nameof(BothGpus))]
public sealed class TwoGpusContract : ChatClientContract<TwoGpus>;

public sealed class TensorParallelCudaRanks(StrategyFixture<TensorParallelCuda> fixture) : RankSuite<TensorParallelCuda>(fixture);

[Collection(nameof(BothGpus))]
public sealed class TwoGpusRanks(StrategyFixture<TwoGpus> fixture) : RankSuite<TwoGpus>(fixture);

[Collection(nameof(BothGpus))]
public sealed class TwoGpusFloat16Ranks(StrategyFixture<TwoGpusFloat16> fixture) : RankSuite<TwoGpusFloat16>(fixture);
