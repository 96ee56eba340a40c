namespace LocalBloom.AI.Placement;

/// <summary>Consecutive layers on one device.</summary>
/// <param name="Device">The device that holds and computes them.</param>
/// <param name="Layers">How many, at least 1.</param>
internal readonly record struct LayerShare(BloomDevice Device, int Layers);
