using LocalBloom.AI.Latency;

namespace LocalBloom.AI.Tests.Perf;

public class RepetitionTests
{
    [Fact]
    public async Task Run_LeavesWarmUpsOut()
    {
        int calls = 0;

        IReadOnlyList<(int Result, TimeSpan Elapsed)> runs = await new Repetition(Warmup: 2, Runs: 3).RunAsync(() => Task.FromResult(++calls));

        Assert.Equal([3, 4, 5], runs.Select(run => run.Result));
    }
}
