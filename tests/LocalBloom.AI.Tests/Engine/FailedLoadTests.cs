using LocalBloom.AI.Testing;

namespace LocalBloom.AI.Tests.Engine;

[Collection(nameof(AloneInTheProcess))]
public sealed class FailedLoadTests : FailedLoadSuite
{
    public FailedLoadTests()
        : base("cpu", BloomNumberType.Float32) => Assert.SkipUnless(OperatingSystem.IsLinux(), "RssAnon is Linux's.");

    protected override long MemoryInUse() => AloneInTheProcess.MemoryInUse();
}
