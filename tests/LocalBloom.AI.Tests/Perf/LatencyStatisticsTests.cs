using LocalBloom.AI.Latency;

namespace LocalBloom.AI.Tests.Perf;

/// <summary>Expected values were worked out in Python from the definitions of numpy.mean, numpy.std and numpy.percentile.</summary>
public class LatencyStatisticsTests
{
    private static readonly double[] s_ten = [17.25, 16.9, 18.4, 17.0, 17.1, 16.8, 19.9, 17.3, 17.2, 16.95];

    [Fact]
    public void Of_TenRuns_GivesNumpysValues()
    {
        var statistics = LatencyStatistics.Of(s_ten);

        Assert.Equal(10, statistics.Count);
        Assert.Equal(17.48, statistics.Mean, 12);
        Assert.Equal(0.912195154558496, statistics.StandardDeviation, 12);
        Assert.Equal(19.225, statistics.P95, 12);
        Assert.Equal(16.8, statistics.Minimum);
        Assert.Equal(19.9, statistics.Maximum);
    }

    [Fact]
    public void Of_OneRun_HasNoSpread() => Assert.Equal(new LatencyStatistics(1, 5, 0, 5, 5, 5), LatencyStatistics.Of([5]));

    [Fact]
    public void Of_NoRuns_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => LatencyStatistics.Of([]));

    [Theory]
    [InlineData(0, 1)]
    [InlineData(25, 1.75)]
    [InlineData(50, 2.5)]
    [InlineData(95, 3.85)]
    [InlineData(100, 4)]
    public void Percentile_LiesLinearlyBetweenNeighbours(double percent, double expected) =>
        Assert.Equal(expected, LatencyStatistics.Percentile([4, 2, 3, 1], percent), 12);
}
