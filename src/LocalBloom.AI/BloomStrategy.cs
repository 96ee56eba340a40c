namespace LocalBloom.AI;

/// <summary>How a model is spread over the devices that a machine has.</summary>
public enum BloomStrategy
{
    /// <summary>Picks from the checkpoint's size and the devices' free memory, and logs the plan and the reason.</summary>
    Auto,

    /// <summary>The whole model on one device.</summary>
    SingleDevice,

    /// <summary>Consecutive layers on consecutive devices; activations cross at the seams.</summary>
    LayerSplit,

    /// <summary>Matrices kept as int8, half the memory of 16 bits, on one device or, where that is too small, split by layers.</summary>
    Int8,

    /// <summary>A slice of every layer on every device: heads, matrices and vocabulary are cut, and all devices compute at once. Only where it is asked for: <see cref="Auto"/> does not pick it.</summary>
    TensorParallel,

    /// <summary>
    /// As many layers on the device, or devices, as fit in <see cref="BloomChatClientOptions.MemoryLimit"/>; the others lie in host memory and are
    /// copied through a small ring of buffers ahead of use, in every step. It goes with <see cref="BloomWeightFormat.Int8"/>, which halves what is copied.
    /// </summary>
    Offload,
}
