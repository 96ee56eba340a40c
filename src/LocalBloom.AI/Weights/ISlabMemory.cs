namespace LocalBloom.AI.Weights;

/// <summary>Host memory in which layers lie that are not on their device. Disposing gives all of it back. Belongs to the engine thread.</summary>
internal interface ISlabMemory : IDisposable
{
    /// <summary>Takes room for one more layer.</summary>
    /// <returns>Its address, aligned as <see cref="DeviceArena.Alignment"/> says.</returns>
    /// <exception cref="PlacementException">The host has no such room.</exception>
    nint Allocate();
}
