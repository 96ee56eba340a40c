using LocalBloom.AI.Native;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>Whether this machine has what these tests need.</summary>
internal static class Cuda
{
    /// <summary>Skips the test where there is no CUDA device.</summary>
    public static void Require() => Assert.SkipWhen(Count == 0, "This machine has no NVIDIA GPU.");

    /// <summary>Skips the test where there are not two CUDA devices.</summary>
    public static void RequireTwo() => Assert.SkipWhen(Count < 2, $"needs two GPUs, and this machine has {Count}.");

    private static int Count => CudaDriver.TryOpen()?.DeviceCount ?? 0;
}
