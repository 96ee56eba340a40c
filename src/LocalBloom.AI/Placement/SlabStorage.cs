namespace LocalBloom.AI.Placement;

/// <summary>Where layers lie that are not on their device.</summary>
internal enum SlabStorage
{
    /// <summary>In the host's memory: pinned for a GPU, which then copies it without the processor.</summary>
    Memory,

    /// <summary>In a temporary file that is mapped into memory, where the host's memory is short.</summary>
    File,
}
