using LocalBloom.AI.Native;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>Whether this machine has what these tests need.</summary>
internal static class Cuda
{
    /// <summary>Skips the test where there is no CUDA device.</summary>
    public static void Require() => Assert.SkipWhen((CudaDriver.TryOpen()?.DeviceCount ?? 0) == 0, "This machine has no NVIDIA GPU.");
}
