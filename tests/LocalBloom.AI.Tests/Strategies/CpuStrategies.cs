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

public sealed class Float16CpuGolden(StrategyFixture<Float16Cpu> fixture) : HalfPrecisionSuite<Float16Cpu>(fixture, Float16);

public sealed class BFloat16CpuGolden(StrategyFixture<BFloat16Cpu> fixture) : HalfPrecisionSuite<BFloat16Cpu>(fixture, BFloat16);
