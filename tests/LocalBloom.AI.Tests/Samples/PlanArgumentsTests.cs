using LocalBloom.AI.Samples;

namespace LocalBloom.AI.Tests.Samples;

public class PlanArgumentsTests
{
    [Fact]
    public void Gpus_AreNamedInOrder() =>
        Assert.Equal(
            new Dictionary<string, long> { ["cuda:0"] = 7_500_000_000, ["cuda:1"] = 7_500_000_000 },
            PlanArguments.Parse(["--shape", "560m", "--gpus", "2x7.5GB"])!.FreeBytes);

    [Theory]
    [InlineData("1x0GB")]
    [InlineData("2x0.000GB")]
    [InlineData("0x80GB")]
    [InlineData("80GB")]
    public void GpusThatCannotBe_AreRefused(string gpus) =>
        Assert.StartsWith("--gpus takes", Assert.Throws<UsageException>(() => PlanArguments.Parse(["--shape", "560m", "--gpus", gpus])).Message, StringComparison.Ordinal);
}
