using TorchSharp;

namespace LocalBloom.AI.Native;

/// <summary>Numbers that tensors are computed with. Thread-safe.</summary>
/// <remarks>
/// TorchSharp frees a scalar by its finalizer, which may run while the call that it was made for still reads it. These live as long as the process; others
/// are made with <c>using</c>, which keeps them until the call is over.
/// </remarks>
internal static class Scalars
{
    /// <summary>Gets 0, as a whole number: it takes on the type of what it meets.</summary>
    public static Scalar Zero { get; } = 0L.ToScalar();

    /// <summary>Gets 1, as a whole number.</summary>
    public static Scalar One { get; } = 1L.ToScalar();

    /// <summary>Gets −∞.</summary>
    public static Scalar MinusInfinity { get; } = double.NegativeInfinity.ToScalar();
}
