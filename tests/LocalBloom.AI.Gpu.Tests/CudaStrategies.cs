using LocalBloom.AI.Testing;

namespace LocalBloom.AI.Gpu.Tests;

public sealed class SingleDeviceCuda : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        Cuda.Require();
        options.Strategy = BloomStrategy.SingleDevice;
        options.Devices = ["cuda:0"];
        options.NumberType = BloomNumberType.Float32;
    }
}

public sealed class LayerSplitCuda : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        Cuda.Require();
        options.Strategy = BloomStrategy.LayerSplit;
        options.Devices = ["cuda:0#0", "cuda:0#1"];
        options.NumberType = BloomNumberType.Float32;
    }
}

public sealed class SingleDeviceCudaFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        SingleDeviceCuda.Configure(options);
        options.NumberType = BloomNumberType.Float16;
    }
}

public sealed class LayerSplitCudaFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        LayerSplitCuda.Configure(options);
        options.NumberType = BloomNumberType.Float16;
    }
}

public sealed class SingleDeviceCudaBFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        SingleDeviceCuda.Configure(options);
        options.NumberType = BloomNumberType.BFloat16;
    }
}

public sealed class Int8Cuda : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        SingleDeviceCuda.Configure(options);
        options.Strategy = BloomStrategy.Int8;
    }
}

public sealed class Int8CudaFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        SingleDeviceCudaFloat16.Configure(options);
        options.Strategy = BloomStrategy.Int8;
    }
}

public sealed class Int8CudaBFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        SingleDeviceCudaBFloat16.Configure(options);
        options.Strategy = BloomStrategy.Int8;
    }
}

public sealed class LlmInt8CudaFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        Int8CudaFloat16.Configure(options);
        options.Int8Scheme = BloomInt8Scheme.LlmInt8;
    }
}

public sealed class LlmInt8CudaBFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        Int8CudaBFloat16.Configure(options);
        options.Int8Scheme = BloomInt8Scheme.LlmInt8;
    }
}

public sealed class LlmInt8Cuda : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        Int8Cuda.Configure(options);
        options.Int8Scheme = BloomInt8Scheme.LlmInt8;
    }
}

public sealed class Int8LayerSplitCudaFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        LayerSplitCudaFloat16.Configure(options);
        options.WeightFormat = BloomWeightFormat.Int8;
    }
}

public sealed class SingleDeviceCudaGolden(StrategyFixture<SingleDeviceCuda> fixture) : GoldenSuite<SingleDeviceCuda>(fixture);

public sealed class LayerSplitCudaGolden(StrategyFixture<LayerSplitCuda> fixture) : GoldenSuite<LayerSplitCuda>(fixture);

public sealed class SingleDeviceCudaFloat16Golden(StrategyFixture<SingleDeviceCudaFloat16> fixture)
    : HalfPrecisionSuite<SingleDeviceCudaFloat16>(fixture, Float16);

public sealed class LayerSplitCudaFloat16Golden(StrategyFixture<LayerSplitCudaFloat16> fixture)
    : HalfPrecisionSuite<LayerSplitCudaFloat16>(fixture, Float16);

public sealed class SingleDeviceCudaBFloat16Golden(StrategyFixture<SingleDeviceCudaBFloat16> fixture)
    : HalfPrecisionSuite<SingleDeviceCudaBFloat16>(fixture, BFloat16);

public sealed class SingleDeviceCudaFloat16Batches(TwoStrategies<SingleDeviceCudaFloat16, SingleDeviceCuda> fixture)
    : BatchInvarianceSuite<SingleDeviceCudaFloat16, SingleDeviceCuda>(fixture);

public sealed class SingleDeviceCudaBFloat16Batches(TwoStrategies<SingleDeviceCudaBFloat16, SingleDeviceCuda> fixture)
    : BatchInvarianceSuite<SingleDeviceCudaBFloat16, SingleDeviceCuda>(fixture);

public sealed class SingleDeviceCudaContract : ChatClientContract<SingleDeviceCuda>;

public sealed class LayerSplitCudaContract : ChatClientContract<LayerSplitCuda>;

public sealed class Int8CudaFloat16Golden(StrategyFixture<Int8CudaFloat16> fixture) : Int8Suite<Int8CudaFloat16>(fixture);

public sealed class Int8CudaBFloat16Golden(StrategyFixture<Int8CudaBFloat16> fixture) : Int8Suite<Int8CudaBFloat16>(fixture);

public sealed class Int8CudaQuantized() : QuantizedCheckpointSuite<Int8Cuda>;

public sealed class Int8CudaFloat16Quantized() : QuantizedCheckpointSuite<Int8CudaFloat16>;

public sealed class Int8LayerSplitCudaFloat16Quantized() : QuantizedCheckpointSuite<Int8LayerSplitCudaFloat16>;

public sealed class Int8LayerSplitCudaFloat16Golden(StrategyFixture<Int8LayerSplitCudaFloat16> fixture) : Int8Suite<Int8LayerSplitCudaFloat16>(fixture);

public sealed class Int8CudaGolden(StrategyFixture<Int8Cuda> fixture) : Int8Suite<Int8Cuda>(fixture);

public sealed class Int8CudaFloat16Batches(TwoStrategies<Int8CudaFloat16, Int8Cuda> fixture) : BatchInvarianceSuite<Int8CudaFloat16, Int8Cuda>(fixture);

public sealed class Int8CudaContract : ChatClientContract<Int8Cuda>;

public sealed class LlmInt8CudaFloat16Golden(StrategyFixture<LlmInt8CudaFloat16> fixture) : LlmInt8HalfPrecisionSuite<LlmInt8CudaFloat16>(fixture);

public sealed class LlmInt8CudaBFloat16Golden(StrategyFixture<LlmInt8CudaBFloat16> fixture) : LlmInt8HalfPrecisionSuite<LlmInt8CudaBFloat16>(fixture);

public sealed class LlmInt8CudaGolden(StrategyFixture<LlmInt8Cuda> fixture) : LlmInt8Suite<LlmInt8Cuda>(fixture);

public sealed class OffloadCuda : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        SingleDeviceCuda.Configure(options);
        OffloadLimit.Apply(options);
    }
}

public sealed class OffloadTwoPartsCuda : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        LayerSplitCuda.Configure(options);
        OffloadLimit.Apply(options);
    }
}

public sealed class OffloadInt8CudaFloat16 : IStrategy
{
    public static void Configure(BloomChatClientOptions options)
    {
        SingleDeviceCudaFloat16.Configure(options);
        options.WeightFormat = BloomWeightFormat.Int8;
        OffloadLimit.Apply(options);
    }
}

public sealed class OffloadCudaGolden(StrategyFixture<OffloadCuda> fixture) : GoldenSuite<OffloadCuda>(fixture);

public sealed class OffloadTwoPartsCudaGolden(StrategyFixture<OffloadTwoPartsCuda> fixture) : GoldenSuite<OffloadTwoPartsCuda>(fixture);

public sealed class OffloadInt8CudaFloat16Golden(StrategyFixture<OffloadInt8CudaFloat16> fixture) : Int8Suite<OffloadInt8CudaFloat16>(fixture);

public sealed class OffloadCudaContract : ChatClientContract<OffloadCuda>;

public sealed class OffloadTwoPartsCudaContract : ChatClientContract<OffloadTwoPartsCuda>;

public sealed class OffloadCudaExactness : OffloadSuite
{
    public OffloadCudaExactness()
        : base("cuda:0", BloomNumberType.Float32) => Cuda.Require();
}

public sealed class OffloadCudaFloat16Exactness : OffloadSuite
{
    public OffloadCudaFloat16Exactness()
        : base("cuda:0", BloomNumberType.Float16) => Cuda.Require();
}
