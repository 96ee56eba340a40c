using LocalBloom.AI.Native;
using LocalBloom.AI.Testing;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>As the driver counts it, host memory that is pinned for streamed layers left out.</summary>
[Collection(nameof(WatchedGpu))]
public sealed class FailedLoadTests : FailedLoadSuite
{
    public FailedLoadTests()
        : base("cuda:0", BloomNumberType.Float16) => Cuda.Require();

    protected override long MemoryInUse()
    {
        (long free, long total) = CudaDriver.TryOpen()!.Memory(0);
        return total - free;
    }
}
