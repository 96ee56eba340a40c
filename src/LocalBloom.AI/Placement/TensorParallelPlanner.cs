using LocalBloom.AI.Collectives;
using LocalBloom.AI.Model;
using LocalBloom.AI.Sampling;
using LocalBloom.AI.Weights;

namespace LocalBloom.AI.Placement;

/// <summary>Cuts every layer over all devices. A pure function of sizes.</summary>
internal static class TensorParallelPlanner
{
    private const int SumTensors = 12; // float32 tensors of a step's rows that sums and norms have at once, at most
    private const int WholeRows = 4;   // as many rows of logits as the sampler ever puts together

    /// <summary>Makes a plan, which may not fit.</summary>
    /// <param name="footprint">The model's sizes.</param>
    /// <param name="devices">In the order of the ranks.</param>
    /// <param name="reason">Why this strategy.</param>
    /// <exception cref="PlacementException">The model cannot be cut over these devices; the message has the numbers.</exception>
    public static DevicePlan Plan(ModelFootprint footprint, IReadOnlyList<DeviceMemory> devices, string reason)
    {
        if (Problem([.. devices.Select(memory => memory.Device)]) is { } problem)
        {
            throw new PlacementException(problem);
        }

        BloomConfig config = footprint.Config;
        foreach ((int size, string what) in new[] { (config.HeadCount, "an attention head"), (config.InnerSize, "a neuron of the MLP"), (config.VocabularySize, "a token of the vocabulary") })
        {
            if (size < devices.Count)
            {
                throw new PlacementException($"TensorParallel over {devices.Count} devices needs {what} for each, but the model has {size}. List fewer devices.");
            }
        }

        DeviceShare[] shares = [.. devices.Select((device, rank) => Share(footprint, device, new Shard(rank, devices.Count)))];
        return new DevicePlan(BloomStrategy.TensorParallel, shares, footprint, reason);
    }

    /// <summary>Says why ranks cannot be joined on these devices; null where they can.</summary>
    /// <param name="devices">As listed, at least one.</param>
    public static string? Problem(IReadOnlyList<BloomDevice> devices)
    {
        BloomDevice first = devices[0];
        if (devices.Count == 1)
        {
            return $"TensorParallel needs at least two devices, but there is only {first}. " +
                $"Use SingleDevice, or list logical parts of it: {first.Physical}#0, {first.Physical}#1.";
        }

        if (devices.FirstOrDefault(device => device.Kind != first.Kind, first) is var other && other != first)
        {
            return $"TensorParallel needs devices of one kind, which compute at one pace, but {first} and {other} are listed. List GPUs alone, or parts of the CPU alone.";
        }

        int physical = devices.Select(device => device.Physical).Distinct().Count();
        return physical != 1 && physical != devices.Count
            ? $"TensorParallel takes whole devices, or parts of one device, but of {string.Join(", ", devices)} some are parts of the same device and some are not. " +
              "List each device once, or parts of one device alone."
            : null;
    }

    private static DeviceShare Share(ModelFootprint footprint, DeviceMemory device, Shard shard)
    {
        BloomConfig config = footprint.Config;
        ModelFootprint own = footprint with { Config = shard.View(config) };
        (string, long[])[] tensors = [.. BloomTensors.All(config).Select(tensor => (tensor.Name, TensorSlice.Of(tensor.Name, config, shard)?.ShapeOf(tensor.Shape) ?? tensor.Shape))];
        long whole = shard.Rank == 0 ? BatchSampler.TemporaryBytes(Math.Min(WholeRows, footprint.MaxSequences), config.VocabularySize) : 0;
        return new DeviceShare(
            device,
            0,
            config.LayerCount,
            HasEnds: true,
            footprint.Format.SizeOf(tensors),
            config.LayerCount * own.LayerCacheBytes,
            RankBuffers.SizeOf(config, shard, footprint.Type, footprint.StepRows),
            own.TemporaryBytes(device, tensors) + ((long)SumTensors * sizeof(float) * config.HiddenSize * footprint.StepRows) + whole)
        {
            Shard = shard,
            JoinBytes = device.JoinBytes,
        };
    }
}
