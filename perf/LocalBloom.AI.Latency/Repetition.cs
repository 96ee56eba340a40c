using System.Diagnostics;

namespace LocalBloom.AI.Latency;

/// <summary>How often a job is run.</summary>
/// <param name="Warmup">Runs before the clock counts.</param>
/// <param name="Runs">Runs that count.</param>
internal sealed record Repetition(int Warmup, int Runs)
{
    /// <summary>Runs a job, one time after the other.</summary>
    /// <returns>What each counted run gave, and how long it took.</returns>
    public async Task<IReadOnlyList<(T Result, TimeSpan Elapsed)>> RunAsync<T>(Func<Task<T>> job)
    {
        var counted = new List<(T, TimeSpan)>();
        for (int i = 0; i < Warmup + Runs; i++)
        {
            long start = Stopwatch.GetTimestamp();
            T result = await job();
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            if (i >= Warmup)
            {
                counted.Add((result, elapsed));
            }
        }

        return counted;
    }
}
