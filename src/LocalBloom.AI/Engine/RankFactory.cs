using LocalBloom.AI.Collectives;
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

namespace LocalBloom.AI.Engine;

/// <summary>Builds a model whose layers are cut over several devices: for each rank a model of its slice, and what joins them.</summary>
/// <param name="native">Torch.</param>
/// <param name="driver">CUDA's driver; null where there is none.</param>
/// <param name="compiler">Compiles our kernels, for all ranks; null where there is no compiler.</param>
/// <param name="cpuLinear">How a CPU computes linear layers.</param>
/// <param name="newArena">Takes a device's memory.</param>
/// <param name="logger">Told what was chosen and why.</param>
internal sealed class RankFactory(
    TorchNative native, CudaDriver? driver, KernelCompiler? compiler, ILinearKernel cpuLinear, Func<BloomDevice, long, DeviceArena> newArena, ILogger logger)
{
    // A CPU computes between two sums as long as it takes.
    private static readonly TimeSpan s_hostPatience = TimeSpan.FromMinutes(5);

    // On GPUs the host only launches. Other models on them stand still meanwhile.
    private static readonly TimeSpan s_launchPatience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_grace = TimeSpan.FromMinutes(1);

    /// <summary>Takes memory and loads. On failure everything taken is given back, but for what is still in use.</summary>
    /// <param name="plan">Of which each share has a slice.</param>
    /// <param name="source">The whole model's weights.</param>
    /// <param name="tokenizer">The checkpoint's tokenizer, if it has one.</param>
    /// <param name="progress">Told after each tensor of each rank.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    public LoadedModel Build(
        DevicePlan plan, IWeightSource source, BloomTokenizer? tokenizer, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        var arenas = new List<DeviceArena>();
        var owners = new Stack<IDisposable>(); // what was made last is disposed first
        try
        {
            foreach (DeviceShare share in plan.Shares)
            {
                arenas.Add(newArena(share.Memory.Device, share.ArenaBytes));
            }

            ModelFootprint footprint = plan.Footprint;
            RankBuffers[] buffers =
                [.. plan.Shares.Select((share, i) => RankBuffers.Allocate(arenas[i], footprint.Config, share.Shard!, footprint.Type, footprint.StepRows))];
            Lock launching = LaunchOrder.For(plan.GpuCount);
            var patience = new RankPatience(plan.GpuCount > 1 ? s_launchPatience : s_hostPatience, s_grace);
            IRankLink link = new RankLinks(native, driver, compiler, logger).Join(plan, buffers, launching, patience.Step);
            owners.Push(link);
            RankOps[] ops = [.. plan.Shares.Select((share, rank) => Ops(plan, share, link.Of(rank), owners))];
            BloomModel[] models = Load(plan, source, arenas, buffers, ops, progress, cancellationToken);
            var group = new RankGroup(models, [.. plan.Shares.Select(share => share.Memory.Device.ToString())], link, launching, patience);
            owners.Push(group);
            if (plan.Shares.All(share => share.Memory.Device is { Kind: DeviceKind.Cuda, Part: null }))
            {
                RankTrial.Run(plan, group, link, [.. buffers.Select(rank => rank.Work.Stream)], arenas[0], logger);
            }

            return new LoadedModel(source.Config, plan, tokenizer, group, arenas, [.. owners]);
        }
        catch (Exception e) when (e is not StillInUseException)
        {
            // What made the load fail is what counts.
            if (Disposal.All([.. owners, .. arenas]) is StillInUseException kept)
            {
                RankLog.MemoryKept(logger, kept.Message);
            }

            throw;
        }
    }

    private RankOps Ops(DevicePlan plan, DeviceShare share, ICollective sums, Stack<IDisposable> owners)
    {
        BloomConfig config = plan.Footprint.Config;
        var ops = new DeviceOps(native, compiler, plan with { Footprint = Own(plan, share) }, cpuLinear, logger);
        owners.Push(ops);
        return new RankOps(ops.For(share.Memory.Device), native, sums, share.Shard!.Vocabulary(config).First);
    }

    private static BloomModel[] Load(
        DevicePlan plan, IWeightSource source, List<DeviceArena> arenas, RankBuffers[] buffers, RankOps[] ops,
        IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        WeightFormat format = plan.Footprint.Format;
        IWeightSource[] slices = [.. plan.Shares.Select(share => new ShardedWeights(source, share.Shard!))];
        var parts = new PartsProgress(progress, slices.Sum(slice => WeightLoader.BytesOf(slice, format)));
        return [.. plan.Shares.Select((share, rank) =>
        {
            BloomModel model = Load(arenas[rank], buffers[rank], Own(plan, share), new WeightLoader(slices[rank], format, parts, cancellationToken), ops[rank]);
            parts.Next();
            return model;
        })];
    }

    // The sizes of a rank's slice.
    private static ModelFootprint Own(DevicePlan plan, DeviceShare share) => plan.Footprint with { Config = share.Shard!.View(plan.Footprint.Config) };

    private static BloomModel Load(DeviceArena arena, RankBuffers buffers, ModelFootprint own, WeightLoader loader, RankOps ops)
    {
        BloomConfig config = own.Config;
        (LinearWeights embedding, LayerNormWeights embeddingNorm, LayerNormWeights finalNorm, LinearWeights head) = loader.LoadEnds(arena);
        ResidentLayers layers = loader.LoadLayers(arena, 0, config.LayerCount);
        BloomBlock[] blocks =
        [
            .. Enumerable.Range(0, config.LayerCount).Select(layer =>
                new BloomBlock(layer, ops, layers, LayerCache.Allocate(arena, config, own.Type, own.CacheBlocks), config.ResidualAfterNorm)),
        ];
        return new BloomModel(new ModelEnds(ops, embedding, embeddingNorm, finalNorm, head), [new BloomStage(blocks, buffers.Work, buffers.Slopes)]);
    }

    // Each rank's loader counts from nothing.
    private sealed class PartsProgress(IProgress<LoadProgress>? whole, long total) : IProgress<LoadProgress>
    {
        private long _before;
        private long _loaded;

        public void Report(LoadProgress value)
        {
            _loaded = value.BytesLoaded;
            whole?.Report(value with { BytesLoaded = _before + _loaded, BytesTotal = total });
        }

        public void Next() => (_before, _loaded) = (_before + _loaded, 0);
    }
}
