using LocalBloom.AI.Collectives;
using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;

namespace LocalBloom.AI.Tests.Collectives;

public class RankLinksTests
{
    private const string NoNccl = "NCCL, libnccl.so.2, is not beside torch";
    private const string NoWay = "cuda:0 cannot reach the memory of cuda:1";

    [Theory]
    [InlineData("Peers", null, "cuda:0", "cuda:1")]
    [InlineData("Host", null, "cpu#0", "cpu#1")]
    [InlineData("Host", null, "cuda:0#0", "cuda:0#1")]
    public void DevicesThatReachEachOther_AreJoinedByTheirMemory_PartsByTheHost(string kind, string? why, params string[] devices) =>
        AssertChoice(kind, why, Choose(devices));

    [Fact]
    public void DevicesThatDoNotReachEachOther_AreJoinedByNccl_WhateverElseIsMissing()
    {
        AssertChoice("Nccl", NoWay, Choose(["cuda:0", "cuda:1"], canReach: false));
        AssertChoice("Nccl", NoWay, Choose(["cuda:0", "cuda:1"], canReach: false, hasCompiler: false));
        AssertChoice("Nccl", NoWay, Choose(["cuda:0", "cuda:1"], canReach: false, width: 6));
    }

    [Fact]
    public void WithoutNccl_TheHostJoinsThem_AndSaysBothReasons() =>
        AssertChoice("Host", $"{NoWay}, and {NoNccl}", Choose(["cuda:0", "cuda:1"], canReach: false, ncclProblem: NoNccl));

    [Fact]
    public void WithoutCompiler_OrWithOddRows_TheHostJoinsThem()
    {
        AssertChoice("Host", "libnvrtc, CUDA's run-time compiler, is not beside torch", Choose(["cuda:0", "cuda:1"], hasCompiler: false));
        AssertChoice("Host", "rows of 6 numbers are no multiple of 4", Choose(["cuda:0", "cuda:1"], width: 6));
    }

    [Fact]
    public void NcclIsNotOpened_WhereItIsNotNeeded() =>
        RankLinks.Choose(Devices("cuda:0", "cuda:1"), 8, new LinkMeans((_, _) => true, true, () => throw new InvalidOperationException("opened")));

    [Fact]
    public void WhereNcclFails_AnotherWayIsTaken_ButNotWhileItMayStillWriteTheParts()
    {
        Assert.Equal((null, "no socket"), RankLinks.Try<LocalLink>(() => throw new LocalBloomException("no socket")));
        Assert.Throws<StillInUseException>(() => RankLinks.Try<LocalLink>(() => throw new StillInUseException("It does not end.")));
    }

    private static void AssertChoice(string kind, string? why, RankLinkChoice choice) =>
        Assert.Equal((kind, why), (choice.Kind.ToString(), choice.Why));

    private static RankLinkChoice Choose(string[] devices, bool canReach = true, bool hasCompiler = true, int width = 8, string? ncclProblem = null) =>
        RankLinks.Choose(Devices(devices), width, new LinkMeans((_, _) => canReach, hasCompiler, () => ncclProblem));

    private static BloomDevice[] Devices(params string[] names) => [.. names.Select(BloomDevice.Parse)];
}
