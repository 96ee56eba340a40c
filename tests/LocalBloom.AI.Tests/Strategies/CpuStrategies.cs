using LocalBloom.AI.Testing;

namespace LocalBloom.AI.Tests.Strategies;

public sealed class SingleDeviceCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        options.Strategy = BloomStrategy.SingleDevice;
        options.Devices = ["cpu"];
        options.NumberType = BloomNumberType.Float32;
    }
}

public sealed class LayerSplitCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        options.Strategy = BloomStrategy.LayerSplit;
        options.Devices = ["cpu#0", "cpu#1"];
        options.NumberType = BloomNumberType.Float32;
    }
}

public sealed class SingleDeviceCpuGolden(StrategyFixture<SingleDeviceCpu> fixture) : GoldenSuite<SingleDeviceCpu>(fixture);

public sealed class LayerSplitCpuGolden(StrategyFixture<LayerSplitCpu> fixture) : GoldenSuite<LayerSplitCpu>(fixture);

public sealed class SingleDeviceCpuContract : ChatClientContract<SingleDeviceCpu>;

public sealed class LayerSplitCpuContract : ChatClientContract<LayerSplitCpu>;

public sealed class Float16Cpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        options.Devices = ["cpu"];
        options.NumberType = BloomNumberType.Float16;
        options.CpuPromptNumberType = BloomNumberType.Float32;
    }
}

public sealed class BFloat16Cpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        options.Devices = ["cpu"];
        options.NumberType = BloomNumberType.BFloat16;
    }
}

/// <summary>Without the measurement that may choose another number type at each load.</summary>
public sealed class BFloat16ThroughoutCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        BFloat16Cpu.Configure(options);
        options.CpuPromptNumberType = BloomNumberType.BFloat16;
    }
}

public sealed class Float16CpuGolden(StrategyFixture<Float16Cpu> fixture) : HalfPrecisionSuite<Float16Cpu>(fixture, Float16);

public sealed class BFloat16CpuGolden(StrategyFixture<BFloat16Cpu> fixture) : HalfPrecisionSuite<BFloat16Cpu>(fixture, BFloat16);

public sealed class Float16CpuBatches(TwoStrategies<Float16Cpu, SingleDeviceCpu> fixture)
    : BatchInvarianceSuite<Float16Cpu, SingleDeviceCpu>(fixture);

public sealed class BFloat16CpuBatches(TwoStrategies<BFloat16ThroughoutCpu, SingleDeviceCpu> fixture)
    : BatchInvarianceSuite<BFloat16ThroughoutCpu, SingleDeviceCpu>(fixture);

public sealed class Int8Cpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        options.Strategy = BloomStrategy.Int8;
        options.Devices = ["cpu"];
        options.NumberType = BloomNumberType.Float32;
    }
}

public sealed class Int8LayerSplitCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        options.Strategy = BloomStrategy.LayerSplit;
        options.WeightFormat = BloomWeightFormat.Int8;
        options.Devices = ["cpu#0", "cpu#1"];
        options.NumberType = BloomNumberType.Float32;
    }
}

public sealed class LlmInt8Cpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        Int8Cpu.Configure(options);
        options.Int8Scheme = BloomInt8Scheme.LlmInt8;
    }
}

public sealed class LlmInt8LayerSplitCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        Int8LayerSplitCpu.Configure(options);
        options.Int8Scheme = BloomInt8Scheme.LlmInt8;
        options.Int8Threshold = 0;
        options.Int8SkipModules = ["lm_head", "self_attention.dense"];
    }
}

public sealed class LlmInt8Float16Cpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        LlmInt8Cpu.Configure(options);
        options.NumberType = options.CpuPromptNumberType = BloomNumberType.Float16;
    }
}

public sealed class LlmInt8BFloat16Cpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        LlmInt8Cpu.Configure(options);
        options.NumberType = options.CpuPromptNumberType = BloomNumberType.BFloat16;
    }
}

public sealed class LlmInt8Float16CpuGolden(StrategyFixture<LlmInt8Float16Cpu> fixture) : LlmInt8HalfPrecisionSuite<LlmInt8Float16Cpu>(fixture);

public sealed class LlmInt8BFloat16CpuGolden(StrategyFixture<LlmInt8BFloat16Cpu> fixture) : LlmInt8HalfPrecisionSuite<LlmInt8BFloat16Cpu>(fixture);

public sealed class LlmInt8CpuGolden(StrategyFixture<LlmInt8Cpu> fixture) : LlmInt8Suite<LlmInt8Cpu>(fixture);

public sealed class LlmInt8LayerSplitCpuGolden(StrategyFixture<LlmInt8LayerSplitCpu> fixture) : LlmInt8Suite<LlmInt8LayerSplitCpu>(fixture);

public sealed class Int8CpuGolden(StrategyFixture<Int8Cpu> fixture) : Int8Suite<Int8Cpu>(fixture);

public sealed class Int8LayerSplitCpuGolden(StrategyFixture<Int8LayerSplitCpu> fixture) : Int8Suite<Int8LayerSplitCpu>(fixture);

public sealed class Int8Float16Cpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        Int8Cpu.Configure(options);
        options.NumberType = options.CpuPromptNumberType = BloomNumberType.Float16;
    }
}

public sealed class Int8CpuQuantized() : QuantizedCheckpointSuite<Int8Cpu>;

public sealed class Int8Float16CpuQuantized() : QuantizedCheckpointSuite<Int8Float16Cpu>;

public sealed class Int8LayerSplitCpuQuantized() : QuantizedCheckpointSuite<Int8LayerSplitCpu>;

public sealed class Int8CpuContract : ChatClientContract<Int8Cpu>;

public sealed class Int8LayerSplitCpuContract : ChatClientContract<Int8LayerSplitCpu>;

public sealed class TensorParallelCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        options.Strategy = BloomStrategy.TensorParallel;
        options.Devices = ["cpu#0", "cpu#1"];
        options.NumberType = BloomNumberType.Float32;
    }
}

/// <summary>Four or eight heads, and 4,096 tokens, are no multiple of three.</summary>
public sealed class UnevenTensorParallelCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        TensorParallelCpu.Configure(options);
        options.Devices = ["cpu#0", "cpu#1", "cpu#2"];
    }
}

public sealed class BFloat16TensorParallelCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        TensorParallelCpu.Configure(options);
        options.NumberType = BloomNumberType.BFloat16;
    }
}

public sealed class Int8TensorParallelCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        TensorParallelCpu.Configure(options);
        options.WeightFormat = BloomWeightFormat.Int8;
    }
}

public sealed class Int8Float16TensorParallelCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        Int8TensorParallelCpu.Configure(options);
        options.NumberType = options.CpuPromptNumberType = BloomNumberType.Float16;
    }
}

public sealed class Int8TensorParallelCpuQuantized() : QuantizedCheckpointSuite<Int8TensorParallelCpu>(SharedColumns);

public sealed class Int8Float16TensorParallelCpuQuantized() : QuantizedCheckpointSuite<Int8Float16TensorParallelCpu>(SharedColumns);

public sealed class TensorParallelCpuGolden(StrategyFixture<TensorParallelCpu> fixture) : GoldenSuite<TensorParallelCpu>(fixture);

public sealed class UnevenTensorParallelCpuGolden(StrategyFixture<UnevenTensorParallelCpu> fixture) : GoldenSuite<UnevenTensorParallelCpu>(fixture);

public sealed class BFloat16TensorParallelCpuGolden(StrategyFixture<BFloat16TensorParallelCpu> fixture)
    : HalfPrecisionSuite<BFloat16TensorParallelCpu>(fixture, BFloat16);

public sealed class Int8TensorParallelCpuGolden(StrategyFixture<Int8TensorParallelCpu> fixture) : Int8Suite<Int8TensorParallelCpu>(fixture);

public sealed class TensorParallelCpuContract : ChatClientContract<TensorParallelCpu>;

public sealed class Int8TensorParallelCpuContract : ChatClientContract<Int8TensorParallelCpu>;

public sealed class TensorParallelCpuRanks(StrategyFixture<TensorParallelCpu> fixture) : RankSuite<TensorParallelCpu>(fixture);

public sealed class UnevenTensorParallelCpuRanks(StrategyFixture<UnevenTensorParallelCpu> fixture) : RankSuite<UnevenTensorParallelCpu>(fixture);

public sealed class BFloat16TensorParallelCpuRanks(StrategyFixture<BFloat16TensorParallelCpu> fixture) : RankSuite<BFloat16TensorParallelCpu>(fixture);

public sealed class OffloadCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        options.Devices = ["cpu"];
        options.NumberType = BloomNumberType.Float32;
        OffloadLimit.Apply(options);
    }
}

public sealed class OffloadTwoPartsCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        options.Devices = ["cpu#0", "cpu#1"];
        options.NumberType = BloomNumberType.Float32;
        OffloadLimit.Apply(options);
    }
}

public sealed class OffloadInt8Cpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        options.Devices = ["cpu"];
        options.NumberType = BloomNumberType.Float32;
        options.WeightFormat = BloomWeightFormat.Int8;
        OffloadLimit.Apply(options);
    }
}

public sealed class OffloadFileCpu : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        OffloadCpu.Configure(options);
        options.StreamFromFile = true;
    }
}

public sealed class OffloadCpuGolden(StrategyFixture<OffloadCpu> fixture) : GoldenSuite<OffloadCpu>(fixture);

public sealed class OffloadTwoPartsCpuGolden(StrategyFixture<OffloadTwoPartsCpu> fixture) : GoldenSuite<OffloadTwoPartsCpu>(fixture);

public sealed class OffloadInt8CpuQuantized() : QuantizedCheckpointSuite<OffloadInt8Cpu>;

public sealed class OffloadInt8CpuGolden(StrategyFixture<OffloadInt8Cpu> fixture) : Int8Suite<OffloadInt8Cpu>(fixture);

public sealed class OffloadCpuContract : ChatClientContract<OffloadCpu>;

public sealed class OffloadTwoPartsCpuContract : ChatClientContract<OffloadTwoPartsCpu>;

public sealed class OffloadInt8CpuContract : ChatClientContract<OffloadInt8Cpu>;

public sealed class OffloadFileCpuContract : ChatClientContract<OffloadFileCpu>;

public sealed class OffloadCpuExactness() : OffloadSuite("cpu", BloomNumberType.Float32);

public sealed class OffloadBFloat16CpuExactness() : OffloadSuite("cpu", BloomNumberType.BFloat16);
