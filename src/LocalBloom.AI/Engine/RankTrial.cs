using System.Diagnostics;
using LocalBloom.AI.Collectives;
using LocalBloom.AI.Diagnostics;
using LocalBloom.AI.Execution;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Weights;
using Microsoft.Extensions.Logging;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Engine;

/// <summary>Measures what joining GPUs costs a token and what it saves. Takes some milliseconds, before the first step.</summary>
internal static class RankTrial
{
    private const int WarmUps = 10;
    private const int Sums = 100;
    private const long CopiedBytes = 128 << 20; // far beyond any cache
    private const int SumsPerLayer = 2;

    /// <summary>Measures, and logs both figures; as a warning where one device would be faster.</summary>
    /// <param name="plan">The ranks, each on a GPU of its own.</param>
    /// <param name="group">Their threads.</param>
    /// <param name="link">What joins them.</param>
    /// <param name="streams">Each rank's residual stream, [rows, hidden]; undefined afterwards.</param>
    /// <param name="arena">The first rank's memory.</param>
    /// <param name="logger">Told.</param>
    public static void Run(DevicePlan plan, RankGroup group, IRankLink link, IReadOnlyList<Tensor> streams, DeviceArena arena, ILogger logger)
    {
        int count = SumsPerLayer * plan.Footprint.Config.LayerCount;
        double[] seconds = new double[streams.Count];
        group.OnAll(rank => seconds[rank] = TimeSums(link.Of(rank), streams[rank]));
        link.Confirm();
        double sum = seconds.Max();
        long saved = plan.Footprint.TotalWeightBytes - plan.Shares.Max(share => share.WeightBytes);
        (double cost, double gain) = (1e3 * count * sum, 1e3 * saved / ReadRate(arena));
        RankLog.RanksMeasured(logger, 1e6 * sum, cost, count, ByteSize.Format(saved), gain);
        if (cost > gain)
        {
            RankLog.TensorParallelSlower(logger, plan.Shares.Count, cost, gain);
        }
    }

    private static double TimeSums(ICollective sums, Tensor stream)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor row = stream.narrow(0, 0, 1);
        Repeat(WarmUps);
        cuda.synchronize(stream.device);
        long start = Stopwatch.GetTimestamp();
        Repeat(Sums);
        cuda.synchronize(stream.device);
        return Stopwatch.GetElapsedTime(start).TotalSeconds / Sums;

        void Repeat(int times)
        {
            for (int i = 0; i < times; i++)
            {
                sums.AddSum(row, bias: null);
            }
        }
    }

    // Bytes a second, of a copy, read and written.
    private static double ReadRate(DeviceArena arena)
    {
        using DisposeScope scope = NewDisposeScope();
        using Tensor some = arena.Whole(CopiedBytes);
        some.clone().Dispose();
        cuda.synchronize(some.device);
        long start = Stopwatch.GetTimestamp();
        some.clone();
        cuda.synchronize(some.device);
        return 2 * some.NumberOfElements / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
