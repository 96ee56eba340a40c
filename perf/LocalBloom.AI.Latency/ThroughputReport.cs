namespace LocalBloom.AI.Latency;

/// <summary>What one of several callers got.</summary>
/// <param name="PromptTokens">Tokens that went in.</param>
/// <param name="NewTokens">Tokens that came.</param>
/// <param name="FirstMilliseconds">From the start of all callers to this one's first token.</param>
/// <param name="LastMilliseconds">From the same start to its last.</param>
internal sealed record CallerTiming(int PromptTokens, int NewTokens, double FirstMilliseconds, double LastMilliseconds)
{
    /// <summary>Gets the time between two tokens; <see langword="null"/> where there was only one.</summary>
    public double? MillisecondsPerToken => NewTokens > 1 ? (LastMilliseconds - FirstMilliseconds) / (NewTokens - 1) : null;
}

/// <summary>Several callers at once, over and over.</summary>
/// <param name="Path"><c>IChatClient</c> or <c>engine</c>.</param>
/// <param name="Callers">How many ask at once.</param>
/// <param name="PromptTokens">Tokens of the longest prompt.</param>
/// <param name="NewTokens">Tokens that each caller asked for.</param>
/// <param name="FewestTokens">Tokens of the shortest reply; fewer than asked for where it ended by itself.</param>
/// <param name="Milliseconds">Every measured run, from the start of all callers to the end of the last.</param>
/// <param name="TokensPerSecond">New tokens of all callers together over that time.</param>
/// <param name="MillisecondsToFirst">Over all callers of all runs.</param>
/// <param name="MillisecondsPerToken">Likewise; <see langword="null"/> where no reply had two tokens.</param>
/// <param name="WeightGigabytesPerSecond">Bytes of weights over the mean time per token: each step reads them once for all callers.</param>
internal sealed record ThroughputReport(
    string Path,
    int Callers,
    int PromptTokens,
    int NewTokens,
    int FewestTokens,
    IReadOnlyList<double> Milliseconds,
    LatencyStatistics TokensPerSecond,
    LatencyStatistics MillisecondsToFirst,
    LatencyStatistics? MillisecondsPerToken,
    double? WeightGigabytesPerSecond)
{
    /// <summary>Sums up what was measured.</summary>
    /// <param name="path">As above.</param>
    /// <param name="newTokens">As above.</param>
    /// <param name="runs">Each run: all its callers, and how long it took; at least one of each.</param>
    /// <param name="weightBytes">Bytes of weights, where known.</param>
    public static ThroughputReport Of(
        string path, int newTokens, IReadOnlyList<(IReadOnlyList<CallerTiming> Callers, TimeSpan Elapsed)> runs, long? weightBytes)
    {
        CallerTiming[] callers = [.. runs.SelectMany(run => run.Callers)];
        double[] perToken = [.. callers.Select(caller => caller.MillisecondsPerToken).OfType<double>()];
        LatencyStatistics? between = perToken.Length > 0 ? LatencyStatistics.Of(perToken) : null;
        return new ThroughputReport(
            path,
            runs[0].Callers.Count,
            callers.Max(caller => caller.PromptTokens),
            newTokens,
            callers.Min(caller => caller.NewTokens),
            [.. runs.Select(run => run.Elapsed.TotalMilliseconds)],
            LatencyStatistics.Of([.. runs.Select(run => run.Callers.Sum(caller => caller.NewTokens) / run.Elapsed.TotalSeconds)]),
            LatencyStatistics.Of([.. callers.Select(caller => caller.FirstMilliseconds)]),
            between,
            between is { Mean: > 0 } ? weightBytes / between.Mean / 1e6 : null);
    }
}
