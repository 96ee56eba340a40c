using LocalBloom.AI.Native;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>Whether this machine has what these tests need.</summary>
internal static class Cuda
{
    /// <summary>Skips the test where there is no CUDA device.</summary>
    public static void Require() => Assert.SkipWhen(Count == 0, "This machine has no NVIDIA GPU.");

    /// <summary>Skips the test where there are not two CUDA devices.</summary>
    public static void RequireTwo() => Require(2);

    /// <summary>Skips the test where there are not so many CUDA devices.</summary>
    public static void Require(int count) => Assert.SkipWhen(Count < count, $"needs {count} GPUs, and this machine has {Count}.");

    /// <summary>Gets how many CUDA devices there are.</summary>
    public static int Count => CudaDriver.TryOpen()?.DeviceCount ?? 0;
}
