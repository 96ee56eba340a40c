using System.Globalization;
using LocalBloom.AI.Diagnostics;
using LocalBloom.AI.Execution;
using LocalBloom.AI.Kernels;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Text;
using LocalBloom.AI.Weights;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace LocalBloom.AI.Engine;

/// <summary>Builds a model from options, by the plan that <see cref="ModelPlanner"/> makes.</summary>
/// <param name="options">Validated options.</param>
/// <param name="native">Torch.</param>
/// <param name="logger">Told what was chosen and why.</param>
internal sealed class EngineFactory(BloomChatClientOptions options, TorchNative native, ILogger logger)
{
    private readonly CudaDriver? _driver = CudaDriver.TryOpen();

    /// <summary>Gets what takes host memory for streamed layers in place of the factory itself.</summary>
    internal Func<BloomDevice, LayerStreaming, ISlabMemory>? NewSlabs { get; init; }

    /// <summary>Gets what makes of a plan the one that is built; null to build it as it is.</summary>
    internal Func<DevicePlan, DevicePlan>? Arrange { get; init; }

    /// <summary>Gets what takes a device's memory in place of the factory itself.</summary>
    internal Func<BloomDevice, long, DeviceArena>? NewArena { get; init; }

    /// <summary>Plans, takes memory and loads. On failure everything taken is given back.</summary>
    /// <param name="source">Where the weights come from.</param>
    /// <param name="tokenizer">The checkpoint's tokenizer, if it has one.</param>
    /// <param name="progress">Told after each tensor.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    /// <exception cref="PlacementException">The devices are not there or too small.</exception>
    public LoadedModel Build(IWeightSource source, BloomTokenizer? tokenizer, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        KernelCompiler? compiler = KernelCompiler.TryOpen(_driver, native.Folder); // one, so that devices share what it compiles
        DevicePlan plan = new ModelPlanner(options, new DeviceCatalog(_driver, cuda.is_available(), compiler is not null).Find).Plan(source.Config, source.StoredType);
        plan = OffloadPlanner.WithStorage(plan, options.StreamFromFile, HostMemory.Free(), Path.GetTempPath());
        plan = Arrange?.Invoke(plan) ?? plan;
        EngineLog.Planned(logger, plan.ToString());
        if (plan.Shares[0].Shard is not null)
        {
            return new RankFactory(native, _driver, compiler, CpuLinear(plan), Arena, logger).Build(plan, source, tokenizer, progress, cancellationToken);
        }

        var arenas = new List<DeviceArena>();
        var ops = new DeviceOps(native, compiler, plan, CpuLinear(plan), logger);
        WeightFormat format = plan.Footprint.Format;
        var loader = new WeightLoader(source, format, progress, cancellationToken);
        var layers = new LayerResidencies(native, _driver, loader, new WeightLoader(new UnfilledWeights(source.Config), format, null, cancellationToken), plan.Storage) { NewSlabs = NewSlabs };
        try
        {
            arenas.AddRange(plan.Shares.Select(share => Arena(share.Memory.Device, share.ArenaBytes)));
            (LinearWeights embedding, LayerNormWeights embeddingNorm, LayerNormWeights finalNorm, LinearWeights head) = loader.LoadEnds(arenas[0]);
            var ends = new ModelEnds(ops.For(plan.Shares[0].Memory.Device), embedding, embeddingNorm, finalNorm, head);
            BloomStage[] stages = [.. plan.Shares.Select((share, i) => Stage(plan, share, arenas[i], layers, ops.For(share.Memory.Device)))];
            return new LoadedModel(source.Config, plan, tokenizer, new EagerRunner(new BloomModel(ends, stages), LaunchOrder.For(plan.GpuCount)), arenas, [ops, layers]);
        }
        catch
        {
            _ = Disposal.All([ops, layers, .. arenas]); // what made the load fail is what counts
            throw;
        }
    }

    private DeviceArena Arena(BloomDevice device, long bytes) => NewArena?.Invoke(device, bytes) ?? new DeviceArena(native, _driver, device, bytes);

    private static BloomStage Stage(DevicePlan plan, DeviceShare share, DeviceArena arena, LayerResidencies residencies, IBloomOps ops)
    {
        (BloomConfig config, (ScalarType type, _), _) = plan.Footprint;
        ILayerResidency layers = residencies.Load(arena, share);
        Tensor slopes = arena.Allocate(ScalarType.Float32, config.HeadCount, 1, 1);
        slopes.copy_(tensor(Alibi.Slopes(config.HeadCount)).view(-1, 1, 1));
        BloomBlock[] blocks =
        [
            .. Enumerable.Range(share.FirstLayer, share.LayerCount).Select(layer =>
                new BloomBlock(layer, ops, layers, LayerCache.Allocate(arena, config, type, plan.Footprint.CacheBlocks), config.ResidualAfterNorm)),
        ];
        return new BloomStage(blocks, Workspace.Allocate(arena, config, config.HiddenSize, type, plan.Footprint.StepRows), slopes);
    }

    private ILinearKernel CpuLinear(DevicePlan plan)
    {
        if (plan.Footprint.Format.LlmInt8Threshold is { } threshold)
        {
            return new FormatLinear(CpuLinear(plan, new DenseLinear(native)), new LlmInt8Linear(native, threshold));
        }

        return CpuLinear(plan, new FormatLinear(new DenseLinear(native), new Int8Linear(native)));
    }

    private ILinearKernel CpuLinear(DevicePlan plan, ILinearKernel linear)
    {
        ScalarType type = plan.Footprint.Type;
        bool isExact = type == ScalarType.Float32 && options.CpuPromptNumberType is BloomNumberType.Auto; // nobody asked for fewer digits
        if (isExact || !plan.Shares.Any(share => share.Memory.Device.Kind is DeviceKind.Cpu))
        {
            return linear;
        }

        ScalarType promptType = PromptType(type);
        return promptType == type ? linear : new PromptTypeLinear(linear, promptType);
    }

    private ScalarType PromptType(ScalarType weightType)
    {
        switch (options.CpuPromptNumberType)
        {
            case BloomNumberType.Float32:
                return ScalarType.Float32;
            case BloomNumberType.Float16:
                return ScalarType.Float16;
            case BloomNumberType.BFloat16:
                return ScalarType.BFloat16;
            default:
                (ScalarType fastest, IReadOnlyDictionary<ScalarType, TimeSpan> times) = PromptTypeProbe.Measure(weightType);
                EngineLog.PromptType(logger, fastest.ToString(), string.Join(", ", times.Select(time =>
                    string.Create(CultureInfo.InvariantCulture, $"{time.Key} {time.Value.TotalMilliseconds:0.00} ms"))));
                return fastest;
        }
    }
}
