using System.Globalization;

namespace LocalBloom.AI.Placement;

internal enum DeviceKind { Cpu, Cuda }

/// <summary>stand-in</summary>
internal readonly record struct BloomDevice(DeviceKind Kind, int Index = 0, int? Part = null)
{
    public static bool TryParse(string? text, out BloomDevice device)
    {
        device = default;
        string[] halves = (text ?? "").ToLowerInvariant().Split('#');
        int? part = halves.Length > 1 ? int.Parse(halves[1], CultureInfo.InvariantCulture) : null;
        device = halves[0] == "cpu" ? new(DeviceKind.Cpu, 0, part) : new(DeviceKind.Cuda, halves[0].Length > 5 ? int.Parse(halves[0][5..], CultureInfo.InvariantCulture) : 0, part);
        return true;
    }

    public override string ToString() => (Kind is DeviceKind.Cpu ? "cpu" : $"cuda:{Index}") + (Part is { } p ? $"#{p}" : "");
}
