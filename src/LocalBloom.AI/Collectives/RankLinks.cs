using LocalBloom.AI.Diagnostics;
using LocalBloom.AI.Kernels;
using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace LocalBloom.AI.Collectives;

/// <summary>Joins the ranks of a model in the fastest way that their devices allow.</summary>
/// <param name="native">Torch.</param>
/// <param name="driver">CUDA's driver; null where there is none.</param>
/// <param name="compiler">Compiles our kernels; null where there is no compiler.</param>
/// <param name="logger">Told what was chosen and why.</param>
internal sealed class RankLinks(TorchNative native, CudaDriver? driver, KernelCompiler? compiler, ILogger logger)
{
    // A rank is late where the host is: a pause of the runtime, or a page of memory that is read back. A lost device is for ever.
    private static readonly TimeSpan s_devicePatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_connectPatience = TimeSpan.FromMinutes(1);

    /// <summary>Chooses.</summary>
    /// <param name="devices">Each rank's device.</param>
    /// <param name="width">Of a row.</param>
    /// <param name="means">What there is.</param>
    public static RankLinkChoice Choose(IReadOnlyList<BloomDevice> devices, int width, LinkMeans means)
    {
        if (devices.Any(device => device.Kind is not DeviceKind.Cuda || device.Part is not null))
        {
            return new RankLinkChoice(RankLinkKind.Host, null);
        }

        int[] ordinals = [.. devices.Select(device => device.Index)];
        if (PeerLink.Unreachable(means.CanReach, ordinals) is { } unreachable)
        {
            return means.NcclProblem() is { } missing
                ? new RankLinkChoice(RankLinkKind.Host, $"{unreachable}, and {missing}")
                : new RankLinkChoice(RankLinkKind.Nccl, unreachable);
        }

        string? problem = means.HasCompiler ? PeerLink.Problem(means.CanReach, ordinals, width) : "libnvrtc, CUDA's run-time compiler, is not beside torch";
        return new RankLinkChoice(problem is null ? RankLinkKind.Peers : RankLinkKind.Host, problem);
    }

    /// <summary>Joins ranks in a way that may fail, so that another can be taken.</summary>
    /// <returns>What joins them, or why it cannot.</returns>
    /// <exception cref="StillInUseException">What was begun does not end: the same memory cannot be used in another way.</exception>
    public static (T? Link, string? Problem) Try<T>(Func<T> join)
        where T : class, IRankLink
    {
        try
        {
            return (join(), null);
        }
        catch (LocalBloomException e) when (e is not StillInUseException)
        {
            return (null, e.Message);
        }
    }

    /// <summary>Joins the ranks.</summary>
    /// <param name="plan">Their devices.</param>
    /// <param name="buffers">Their memory.</param>
    /// <param name="launching">The order of launches; see <see cref="Execution.LaunchOrder"/>.</param>
    /// <param name="patience">How long a rank waits for the others where the host has them meet.</param>
    /// <exception cref="StillInUseException">The memory must stay: somebody may still write it.</exception>
    public IRankLink Join(DevicePlan plan, IReadOnlyList<RankBuffers> buffers, Lock launching, TimeSpan patience)
    {
        Tensor[] parts = [.. buffers.Select(rank => rank.Parts)];
        BloomDevice[] devices = [.. plan.Shares.Select(share => share.Memory.Device)];
        int[] ordinals = [.. devices.Select(device => device.Index)];
        CudaPeers? peers = driver is null ? null : new CudaPeers(driver);
        var nccl = new Lazy<(Nccl? Library, string? Problem)>(() => Nccl.TryOpen(driver, native.Folder));
        (RankLinkKind kind, string? why) = Choose(
            devices, plan.Footprint.Config.HiddenSize, new LinkMeans(peers is null ? (_, _) => false : peers.CanReach, compiler is not null, () => nccl.Value.Problem));
        if (kind is RankLinkKind.Peers)
        {
            return new PeerLink(native, compiler!, peers!, ordinals, buffers, plan.Footprint.Type, s_devicePatience);
        }

        if (kind is RankLinkKind.Nccl)
        {
            (NcclLink? link, string? problem) = Try(() => Connect(nccl.Value.Library!, ordinals, parts, launching, patience));
            if (link is not null)
            {
                RankLog.SumsThroughNccl(logger, nccl.Value.Library!.Version, why!);
                return link;
            }

            why = $"{why}. {problem}";
        }

        if (why is not null)
        {
            RankLog.SumsThroughHost(logger, why);
        }

        return new LocalLink(parts, patience);
    }

    // Other models on the GPUs wait: to join, GPUs work together, as in a step.
    private NcclLink Connect(Nccl nccl, int[] ordinals, Tensor[] parts, Lock launching, TimeSpan patience)
    {
        lock (launching)
        {
            return new NcclLink(native, nccl, new CudaMarks(new CudaStreams(driver!), ordinals), ordinals, parts, new NcclPatience(s_connectPatience, patience));
        }
    }
}

/// <summary>What there is to join devices with.</summary>
/// <param name="CanReach">Whether a device reads and writes another's memory.</param>
/// <param name="HasCompiler">Whether CUDA's compiler is there, for our own kernels.</param>
/// <param name="NcclProblem">Says why NCCL cannot be used; null where it can.</param>
internal sealed record LinkMeans(Func<int, int, bool> CanReach, bool HasCompiler, Func<string?> NcclProblem);

/// <summary>How ranks are joined, and why not in a faster way.</summary>
/// <param name="Kind">The way.</param>
/// <param name="Why">Null where it is the fastest for these devices.</param>
internal readonly record struct RankLinkChoice(RankLinkKind Kind, string? Why);

/// <summary>Ways to join ranks.</summary>
internal enum RankLinkKind
{
    /// <summary><see cref="LocalLink"/>.</summary>
    Host,

    /// <summary><see cref="PeerLink"/>.</summary>
    Peers,

    /// <summary><see cref="NcclLink"/>.</summary>
    Nccl,
}
