namespace LocalBloom.AI;

/// <summary>The number format in which weights are held and multiplied.</summary>
public enum BloomNumberType
{
    /// <summary>What suits the checkpoint and the device; the log says what was chosen.</summary>
    Auto,

    /// <summary>IEEE 754 binary32: 4 bytes a weight, the reference arithmetic.</summary>
    Float32,

    /// <summary>IEEE 754 binary16: 2 bytes a weight, 11 significant bits.</summary>
    Float16,

    /// <summary>bfloat16: 2 bytes a weight, 8 significant bits, the range of float32.</summary>
    BFloat16,
}
