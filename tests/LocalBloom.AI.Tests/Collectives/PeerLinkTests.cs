using LocalBloom.AI.Collectives;

namespace LocalBloom.AI.Tests.Collectives;

/// <summary>What needs no GPU.</summary>
public class PeerLinkTests
{
    [Theory]
    [InlineData(2, 512, false)] // two ranks move the same in both ways
    [InlineData(4, 1, false)]
    [InlineData(4, 32, false)]
    [InlineData(4, 170, true)]
    [InlineData(8, 1, false)]
    [InlineData(8, 32, true)]
    public void LongPrompts_OfMoreThanTwoRanks_AreAddedUpInSlices(int ranks, int rows, bool isBetter) =>
        Assert.Equal(isBetter, PeerLink.IsBetterInSlices(ranks, rows * 4096L));
}
