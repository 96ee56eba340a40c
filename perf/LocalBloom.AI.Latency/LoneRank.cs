using LocalBloom.AI.Placement;

namespace LocalBloom.AI.Latency;

/// <summary>One rank of a model that is cut over parts of one device, as it would be with the device to itself.</summary>
/// <remarks>
/// It computes what a rank of so many computes, in the same way: its heads, its slices of matrices, its part of the vocabulary. On a GPU it adds up by the
/// kernel that joins several, but each sum has one part, its own. So its time lacks what others cost it, and its tokens mean nothing.
/// </remarks>
internal static class LoneRank
{
    /// <summary>Leaves the rank with the largest slice, for which the others would wait; the first of equals.</summary>
    /// <param name="plan">Of ranks on parts of one device.</param>
    public static DevicePlan Of(DevicePlan plan)
    {
        DeviceShare slice = plan.Shares.MaxBy(share => share.WeightBytes)!;
        DeviceMemory whole = slice.Memory with { Device = slice.Memory.Device.Physical };
        return plan with { Shares = [slice with { Memory = whole }], Reason = $"One rank of {plan.Shares.Count} alone: a projection." };
    }
}
