using LocalBloom.AI.Latency;

namespace LocalBloom.AI.Tests.Perf;

public class ThroughputReportTests
{
    [Fact]
    public void Of_TwoRuns_SumsTokensPerRun_AndTakesTimesOverAllCallers()
    {
        (IReadOnlyList<CallerTiming>, TimeSpan)[] runs =
        [
            ([new(170, 5, 100, 500), new(173, 3, 200, 400)], TimeSpan.FromSeconds(0.5)),
            ([new(170, 5, 100, 900), new(173, 5, 400, 1000)], TimeSpan.FromSeconds(1)),
        ];

        ThroughputReport report = ThroughputReport.Of("engine", 5, runs, weightBytes: 15_000_000_000);

        Assert.Equal((2, 173, 5, 3), (report.Callers, report.PromptTokens, report.NewTokens, report.FewestTokens));
        Assert.Equal([500, 1000], report.Milliseconds);
        Assert.Equal((13, 3), (report.TokensPerSecond.Mean, report.TokensPerSecond.StandardDeviation)); // 8 in 0.5 s, 10 in 1 s
        Assert.Equal(200, report.MillisecondsToFirst.Mean);
        Assert.Equal(370, report.MillisecondsToFirst.P95, 9); // of 100, 100, 200, 400
        Assert.Equal(137.5, report.MillisecondsPerToken!.Mean); // 400/4, 200/2, 800/4, 600/4
        Assert.Equal(15_000 / 137.5, report.WeightGigabytesPerSecond!.Value, 9);
    }

    [Fact]
    public void Of_RepliesOfOneToken_HasNoTimePerToken()
    {
        ThroughputReport report = ThroughputReport.Of("engine", 1, [([new(170, 1, 10, 10)], TimeSpan.FromMilliseconds(10))], weightBytes: 1);

        Assert.Null(report.MillisecondsPerToken);
        Assert.Null(report.WeightGigabytesPerSecond);
        Assert.Equal(100, report.TokensPerSecond.Mean);
    }
}
