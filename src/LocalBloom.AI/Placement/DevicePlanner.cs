namespace LocalBloom.AI.Placement;

/// <summary>Decides which device holds what. A pure function of sizes: nothing is loaded or allocated.</summary>
internal static class DevicePlanner
{
    /// <summary>Makes a plan that fits.</summary>
    /// <param name="strategy">What the user asked for.</param>
    /// <param name="footprint">The model's sizes.</param>
    /// <param name="devices">The devices in layer order, at least one.</param>
    /// <param name="layerMap">Layers per device as given; null for in proportion to free memory.</param>
    /// <param name="other">The sizes with other options, of which a message may name those that would do; null where there are no options.</param>
    /// <exception cref="PlacementException">Nothing fits, or the map does not match the model; the message has the arithmetic.</exception>
    public static DevicePlan Plan(
        BloomStrategy strategy, ModelFootprint footprint, IReadOnlyList<DeviceMemory> devices, LayerMap? layerMap, OtherFootprint? other = null)
    {
        if (layerMap is not null)
        {
            (DeviceMemory[] mapped, int[] counts) = Mapped(footprint, devices, layerMap);
            return strategy is BloomStrategy.Offload
                ? OffloadPlanner.Plan(footprint, other, mapped, (_, _) => counts, "As mapped.")
                : Checked(FromCounts(footprint, mapped, counts, "As mapped."), other, devices, layerMap);
        }

        switch (strategy)
        {
            case BloomStrategy.SingleDevice:
                return Checked(Single(footprint, devices[0], "As asked."), other, devices, layerMap);
            case BloomStrategy.LayerSplit:
                return Checked(Split(footprint, devices, "As asked, in proportion to free memory."), other, devices, layerMap);
            case BloomStrategy.TensorParallel:
                return Checked(TensorParallelPlanner.Plan(footprint, devices, "As asked."), other, devices, layerMap);
            case BloomStrategy.Offload:
                return OffloadPlanner.Plan(footprint, other, devices, Apportion, "As asked.");
            default:
                return Choose(footprint, other, devices);
        }
    }

    // The simplest that fits. Streaming is far slower than layers that stay, and saves nothing where weights are in host memory anyway.
    private static DevicePlan Choose(ModelFootprint footprint, OtherFootprint? other, IReadOnlyList<DeviceMemory> devices)
    {
        DevicePlan plan = Single(footprint, devices[0], $"All of it fits on {devices[0].Device}.");
        if (devices.Count > 1 && Misfit(plan) is not null)
        {
            plan = Split(footprint, devices, $"{devices[0].Device} alone is too small; layers are spread in proportion to free memory.");
        }

        return Misfit(plan) is null || devices.Any(device => device.Device.Kind is not DeviceKind.Cuda)
            ? Checked(plan, other, devices, layerMap: null)
            : OffloadPlanner.Plan(
                footprint,
                other,
                devices,
                Apportion,
                $"{(devices.Count == 1 ? $"{devices[0].Device} is" : "All devices together are")} too small for the whole model; what does not fit is streamed from host memory.");
    }

    /// <summary>Makes a plan, if one fits.</summary>
    /// <param name="strategy">SingleDevice, LayerSplit or TensorParallel.</param>
    /// <param name="footprint">The model's sizes.</param>
    /// <param name="devices">The devices in layer order, at least one.</param>
    /// <param name="layerMap">Layers per device as given; null for in proportion to free memory.</param>
    /// <param name="reason">Why this strategy.</param>
    /// <returns>Null where nothing fits.</returns>
    public static DevicePlan? TryPlan(
        BloomStrategy strategy, ModelFootprint footprint, IReadOnlyList<DeviceMemory> devices, LayerMap? layerMap, string reason)
    {
        (IReadOnlyList<DeviceMemory> Devices, int[] Counts)? mapped = layerMap is null ? null : Mapped(footprint, devices, layerMap);
        DevicePlan plan =
            mapped is { } map ? FromCounts(footprint, map.Devices, map.Counts, reason)
            : strategy is BloomStrategy.SingleDevice ? Single(footprint, devices[0], reason)
            : strategy is BloomStrategy.TensorParallel ? TensorParallelPlanner.Plan(footprint, devices, reason)
            : Split(footprint, devices, reason);
        return Misfit(plan) is null ? plan : null;
    }

    private static DevicePlan Single(ModelFootprint footprint, DeviceMemory device, string reason) =>
        new(BloomStrategy.SingleDevice, [footprint.Share(device, 0, footprint.Config.LayerCount, hasEnds: true)], footprint, reason);

    private static DevicePlan Split(ModelFootprint footprint, IReadOnlyList<DeviceMemory> devices, string reason)
    {
        if (devices.Count == 1)
        {
            BloomDevice only = devices[0].Device.Physical;
            throw new PlacementException(
                $"LayerSplit needs at least two devices, but this machine has {only} alone. Use SingleDevice, or list logical parts of it: {only}#0, {only}#1.");
        }

        return FromCounts(footprint, devices, Apportion(footprint, devices), reason);
    }

    // Layers in proportion to the memory that is free for them, at least one each.
    private static int[] Apportion(ModelFootprint footprint, IReadOnlyList<DeviceMemory> devices)
    {
        int layers = footprint.Config.LayerCount;
        if (devices.Count > layers)
        {
            throw new PlacementException($"A split over {devices.Count} devices needs a layer for each, but the model has {layers}. List fewer devices.");
        }

        double[] room = [.. devices.Select((device, i) => Math.Max(0.0, device.FreeBytes - footprint.WorkBytes - footprint.TemporaryBytes(device) - (i == 0 ? footprint.EndsBytes : 0)))];
        return Apportion(layers, room);
    }

    private static (DeviceMemory[] Devices, int[] Counts) Mapped(ModelFootprint footprint, IReadOnlyList<DeviceMemory> devices, LayerMap map) =>
        map.TotalLayers == footprint.Config.LayerCount
            ? ([.. map.Shares.Select(share => devices.First(device => device.Device == share.Device))], [.. map.Shares.Select(share => share.Layers)])
            : throw new PlacementException($"LayerMap places {map.TotalLayers} layers, but the model has {footprint.Config.LayerCount}: {map}.");

    private static DevicePlan FromCounts(ModelFootprint footprint, IReadOnlyList<DeviceMemory> devices, int[] counts, string reason)
    {
        var shares = new List<DeviceShare>();
        int next = 0;
        for (int i = 0; i < devices.Count; i++)
        {
            shares.Add(footprint.Share(devices[i], next, counts[i], hasEnds: i == 0));
            next += counts[i];
        }

        return new DevicePlan(BloomStrategy.LayerSplit, shares, footprint, reason);
    }

    // Largest remainders, after one layer for each device.
    private static int[] Apportion(int layers, double[] room)
    {
        int spare = layers - room.Length;
        double total = room.Sum();
        double[] exact = [.. room.Select(bytes => total > 0 ? Math.Max(0, (layers * bytes / total) - 1) : 1.0)];
        double scale = exact.Sum() > 0 ? spare / exact.Sum() : 0;
        int[] counts = [.. exact.Select(share => (int)(share * scale))];
        int rest = spare - counts.Sum();
        foreach (int i in Enumerable.Range(0, room.Length).OrderByDescending(i => (exact[i] * scale) - counts[i]).Take(rest))
        {
            counts[i]++;
        }

        return [.. counts.Select(count => count + 1)];
    }

    private static DevicePlan Checked(DevicePlan plan, OtherFootprint? other, IReadOnlyList<DeviceMemory> devices, LayerMap? layerMap) =>
        Misfit(plan) is not { } shares
            ? plan
            : throw new PlacementException(new ResidentShortage(
                plan, other, devices, (sizes, memories) => TryPlan(plan.Strategy, sizes, memories, layerMap, plan.Reason), sizes => FitsStreamed(sizes, devices, layerMap)).Explain(shares));

    private static bool FitsStreamed(ModelFootprint footprint, IReadOnlyList<DeviceMemory> devices, LayerMap? layerMap)
    {
        try
        {
            _ = Plan(BloomStrategy.Offload, footprint, devices, layerMap);
            return true;
        }
        catch (PlacementException)
        {
            return false;
        }
    }

    // What a device has not room for; null where everything fits. Logical parts share one device, so what counts is the sum over it.
    private static DeviceShare[]? Misfit(DevicePlan plan) => plan.Shares
        .GroupBy(share => share.Memory.Device.Physical)
        .FirstOrDefault(device => device.Sum(share => share.TotalBytes) > device.Sum(share => share.Memory.FreeBytes))
        ?.ToArray();
}
