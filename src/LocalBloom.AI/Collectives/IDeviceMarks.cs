namespace LocalBloom.AI.Collectives;

/// <summary>A mark in each rank's stream: how far its device has come. Safe for concurrent use.</summary>
internal interface IDeviceMarks : IDisposable
{
    /// <summary>Moves a rank's mark behind all that was launched on its device.</summary>
    void Set(int rank);

    /// <summary>Gets whether a rank's device has come to its mark.</summary>
    bool IsPassed(int rank);
}
