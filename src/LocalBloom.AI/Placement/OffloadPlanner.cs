namespace LocalBloom.AI.Placement;

/// <summary>Decides which layers stay on their device and which are streamed to it. A pure function of sizes.</summary>
internal static class OffloadPlanner
{
    // While one layer computes the next is copied, so that with two buffers copies never rest: a copy takes longer than a layer's computation.
    // A third buffer would only take the place of a layer that then need not be copied at all.
    private const int RingSlots = 2;

    // What the process and its neighbours need of host memory while slabs are filled.
    private const long HostMargin = 1_000_000_000;

    /// <summary>Makes a plan that fits.</summary>
    /// <param name="footprint">The model's sizes; a plan may compute fewer rows at once.</param>
    /// <param name="other">The sizes with other options, of which the message names those that would do; null where there are no options.</param>
    /// <param name="devices">The devices in layer order, at least one.</param>
    /// <param name="count">Tells how many layers each device has, streamed ones included.</param>
    /// <param name="reason">Why this strategy.</param>
    /// <exception cref="PlacementException">A device is too small for a single layer and what must stay there; the message says what would do.</exception>
    public static DevicePlan Plan(
        ModelFootprint footprint,
        OtherFootprint? other,
        IReadOnlyList<DeviceMemory> devices,
        Func<ModelFootprint, IReadOnlyList<DeviceMemory>, int[]> count,
        string reason)
    {
        if (TryPlan(footprint, devices, count(footprint, devices), reason) is { } plan)
        {
            return plan;
        }

        (int First, int Count)[] runs = [.. Runs(count(footprint, devices))];
        ModelFootprint tried = WithRows(footprint, ModelFootprint.MinStepRows);
        int tooSmall = Enumerable.Range(0, runs.Length).First(i => Place(tried, devices[i], runs[i].First, runs[i].Count) is null);
        var shortage = new OffloadShortage(footprint, other, devices, (sizes, memories) => TryPlan(sizes, memories, count(sizes, memories), reason));
        throw new PlacementException(shortage.Explain(tried, runs, tooSmall));
    }

    // All rows of a prompt in one pass, if that fits: each further pass streams the layers once more.
    private static DevicePlan? TryPlan(ModelFootprint footprint, IReadOnlyList<DeviceMemory> devices, int[] counts, string reason)
    {
        for (int rows = footprint.StepRows; ; rows = Math.Max(ModelFootprint.MinStepRows, rows / 2))
        {
            ModelFootprint tried = WithRows(footprint, rows);
            DeviceShare?[] shares = [.. Runs(counts).Select((run, i) => Place(tried, devices[i], run.First, run.Count))];
            if (shares.All(share => share is not null))
            {
                return new DevicePlan(BloomStrategy.Offload, [.. shares.OfType<DeviceShare>()], tried, reason);
            }

            if (rows <= ModelFootprint.MinStepRows)
            {
                return null;
            }
        }
    }

    /// <summary>Decides where streamed layers lie.</summary>
    /// <param name="plan">The plan; one without streamed layers is returned as it is.</param>
    /// <param name="asFile">In a file whatever is free.</param>
    /// <param name="freeHostBytes">The host's free memory.</param>
    /// <param name="temporaryFolder">Where a file would lie.</param>
    /// <exception cref="PlacementException">Host memory is short, and the temporary folder is not there, or in memory, too.</exception>
    public static DevicePlan WithStorage(DevicePlan plan, bool asFile, long freeHostBytes, string temporaryFolder)
    {
        if (asFile)
        {
            return plan with { Storage = SlabStorage.File };
        }

        long onCpu = plan.Shares.Where(share => share.Memory.Device.Kind is DeviceKind.Cpu).Sum(share => share.TotalBytes);
        if (plan.StreamedBytes == 0 || plan.StreamedBytes + onCpu + HostMargin <= freeHostBytes)
        {
            return plan;
        }

        return WhyNoFile(temporaryFolder) is not { } problem
            ? plan with { Storage = SlabStorage.File }
            : throw new PlacementException(
                $"The host has {ByteSize.Format(freeHostBytes)} of free memory, but {ByteSize.Format(plan.StreamedBytes)} of streamed layers are to lie there, and " +
                $"{temporaryFolder} {problem}. Name a folder on a disk with {ByteSize.FormatUp(plan.StreamedBytes)} of room in the variable TMPDIR, " +
                $"or free host memory, so that {ByteSize.FormatUp(plan.StreamedBytes + onCpu + HostMargin)} are free.");
    }

    private static string? WhyNoFile(string folder) =>
        !Directory.Exists(folder) ? "is not there, or cannot be entered" :
        new DriveInfo(Path.GetFullPath(folder)).DriveFormat is "tmpfs" or "ramfs" ? "is in memory, too" :
        null;

    private static DeviceShare? Place(ModelFootprint footprint, DeviceMemory device, int first, int count)
    {
        DeviceShare all = footprint.Share(device, first, count, hasEnds: first == 0);
        long layer = footprint.LayerWeightBytes;
        long room = device.FreeBytes - (all.TotalBytes - (count * layer));
        if (room < layer)
        {
            return null;
        }

        int fit = (int)Math.Min(count, room / layer);
        if (fit == count)
        {
            return all;
        }

        int slots = Math.Min(RingSlots, fit);
        int streamed = count - fit + slots;
        return all with
        {
            WeightBytes = all.WeightBytes - ((count - fit) * layer),
            Streaming = new LayerStreaming(LayerStreaming.Spread(first, count, streamed), slots, layer),
        };
    }

    private static ModelFootprint WithRows(ModelFootprint footprint, int rows)
    {
        rows = Math.Min(rows, footprint.StepRows);
        return footprint with { StepRows = rows, MaxSequences = Math.Min(footprint.MaxSequences, rows) };
    }

    private static IEnumerable<(int First, int Count)> Runs(IEnumerable<int> counts)
    {
        int first = 0;
        foreach (int count in counts)
        {
            yield return (first, count);
            first += count;
        }
    }
}
