using LocalBloom.AI.Native;

namespace LocalBloom.AI.Tests.Native;

public class NcclTests
{
    [Fact]
    public void MissingLibrary_IsNamed()
    {
        (Nccl? nccl, string? problem) = Nccl.TryOpen(driver: null, Path.GetTempPath());

        Assert.Null(nccl);
        Assert.Equal("NCCL, libnccl.so.2, is not beside torch", problem);
    }

    [Theory]
    [InlineData(21805, "NCCL 2.18.5 is older than 2.19.0")]
    [InlineData(2708, "NCCL 2.7.8 is older than 2.19.0")]
    [InlineData(21903, null)]
    [InlineData(22809, null)]
    public void VersionsWhoseCommunicatorsAnyThreadCanEnd_WillDo(int version, string? problem) => Assert.Equal(problem, Nccl.ProblemOf(version));

    [Theory]
    [InlineData("unhandled system error", "", "unhandled system error")]
    [InlineData("unhandled system error", "Error: failed to extend /dev/shm/nccl-1\n", "unhandled system error: Error: failed to extend /dev/shm/nccl-1")]
    public void Errors_AreToldInNcclsWords_OnOneLine(string error, string last, string text) => Assert.Equal(text, Nccl.Describe(error, last));
}
