namespace LocalBloom.AI.Placement;

/// <summary>The kinds of device that a model runs on.</summary>
internal enum DeviceKind
{
    /// <summary>The machine's processors and memory: torch knows one such device.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU.</summary>
    Cuda,
}
