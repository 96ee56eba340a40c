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
using static TorchSharp.torch;

namespace LocalBloom.AI.Engine;

/// <summary>Builds a model whose layers are cut over several devices: for each rank a model of its slice, and what joins them.</summary>
/// <param name="native">Torch.</param>
/// <param name="driver">CUDA's driver; null where there is none.</param>
/// <param name="cpuLinear">How a CPU computes linear layers.</param>
/// <param name="logger">Told what was chosen and why.</param>
internal sealed class RankFactory(TorchNative native, CudaDriver? driver, ILinearKernel cpuLinear, ILogger logger)
{
    // A rank is late where the host is: a pause of the runtime, or a page of memory that is read back. A lost device is for ever.
    private static readonly TimeSpan s_devicePatience = TimeSpan.FromSeconds(10);

    // A CPU computes between two sums as long as it takes.
    private static readonly TimeSpan s_hostPatience = TimeSpan.FromMinutes(5);

    // On GPUs the host only launches. Other models on them stand still meanwhile.
    private static readonly TimeSpan s_launchPatience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_grace = TimeSpan.FromMinutes(1);

    /// <summary>Takes memory and loads. On failure everything taken is given back.</summary>
    /// <param name="plan">Of which each share has a slice.</param>
    /// <param name="source">The whole model's weights.</param>
    /// <param name="tokenizer">The checkpoint's tokenizer, if it has one.</param>
    /// <param name="progress">Told after each tensor of each rank.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    public LoadedModel Build(
        DevicePlan plan, IWeightSource source, BloomTokenizer? tokenizer, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        var owners = new Stack<IDisposable>(); // what was made last is disposed first
        try
        {
            ModelFootprint footprint = plan.Footprint;
            var arenas = new List<DeviceArena>();
            foreach (DeviceShare share in plan.Shares)
            {
                arenas.Add(new DeviceArena(native, driver, share.Memory.Device, share.ArenaBytes));
                owners.Push(arenas[^1]);
            }

            RankBuffers[] buffers =
                [.. plan.Shares.Select((share, i) => RankBuffers.Allocate(arenas[i], footprint.Config, share.Shard!, footprint.Type, footprint.StepRows))];
            IRankLink link = Join(plan, buffers);
            owners.Push(link);
            IWeightSource[] slices = [.. plan.Shares.Select(share => new ShardedWeights(source, share.Shard!))];
            var parts = new PartsProgress(progress, slices.Sum(slice => WeightLoader.BytesOf(slice, footprint.Format)));
            var models = new List<BloomModel>();
            foreach ((DeviceShare share, int rank) in plan.Shares.Select((share, rank) => (share, rank)))
            {
                ModelFootprint own = footprint with { Config = share.Shard!.View(footprint.Config) };
                var ops = new DeviceOps(native, driver, plan with { Footprint = own }, cpuLinear, logger);
                owners.Push(ops);
                var loader = new WeightLoader(slices[rank], footprint.Format, parts, cancellationToken);
                models.Add(Load(
                    arenas[rank], buffers[rank], own, loader,
                    new RankOps(ops.For(share.Memory.Device), native, link.Of(rank), share.Shard!.Vocabulary(footprint.Config).First)));
                parts.Next();
            }

            var group = new RankGroup(models, [.. plan.Shares.Select(share => share.Memory.Device.ToString())], link, LaunchOrder.For(plan.GpuCount),
                new RankPatience(plan.GpuCount > 1 ? s_launchPatience : s_hostPatience, s_grace));
            owners.Push(group);
            if (plan.Shares.All(share => share.Memory.Device is { Kind: DeviceKind.Cuda, Part: null }))
            {
                RankTrial.Run(plan, group, link, [.. buffers.Select(rank => rank.Work.Stream)], arenas[0], logger);
            }

            return new LoadedModel(source.Config, plan, tokenizer, group, arenas, [.. owners.Where(owner => owner is not DeviceArena)]);
        }
        catch
        {
            // What made the load fail is what counts.
            if (Disposal.All(owners) is StillInUseException kept)
            {
                RankLog.MemoryKept(logger, kept.Message);
            }

            throw;
        }
    }

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

    private IRankLink Join(DevicePlan plan, RankBuffers[] buffers)
    {
        Tensor[] parts = [.. buffers.Select(rank => rank.Parts)];
        BloomDevice[] devices = [.. plan.Shares.Select(share => share.Memory.Device)];
        if (devices.Any(device => device.Kind is not DeviceKind.Cuda || device.Part is not null))
        {
            return new LocalLink(parts, s_hostPatience);
        }

        int[] ordinals = [.. devices.Select(device => device.Index)];
        var peers = new CudaPeers(driver!);
        Nvrtc? nvrtc = Nvrtc.TryOpen(native.Folder);
        string? problem = nvrtc is null ? "libnvrtc, CUDA's run-time compiler, is not beside torch" : PeerLink.CanJoin(peers, ordinals, plan.Footprint.Config.HiddenSize);
        if (problem is null)
        {
            return new PeerLink(native, new KernelCompiler(nvrtc!, driver!), peers, ordinals, buffers, plan.Footprint.Type, s_devicePatience);
        }

        RankLog.SumsThroughHost(logger, problem);
        return new LocalLink(parts, s_hostPatience);
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
