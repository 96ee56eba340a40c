using LocalBloom.AI.Placement;

namespace LocalBloom.AI.Tests.Placement;

/// <summary>Devices as the planner sees them; none of them needs to exist.</summary>
internal static class PlanningDevices
{
    public static DeviceMemory Device(string name, long freeBytes) => new(BloomDevice.Parse(name), freeBytes, $"memory of {name}");

    public static DeviceMemory[] Gpus(params long[] freeBytes) => [.. freeBytes.Select((bytes, i) => Device($"cuda:{i}", bytes))];
}
