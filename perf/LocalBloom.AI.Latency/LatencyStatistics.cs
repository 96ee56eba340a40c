namespace LocalBloom.AI.Latency;

/// <summary>What is reported of a series of timings. The definitions are numpy's defaults, so that peers measured there compare.</summary>
/// <param name="Count">Number of timings.</param>
/// <param name="Mean">Arithmetic mean.</param>
/// <param name="StandardDeviation">Population standard deviation (<c>numpy.std</c>): divided by n, not n − 1.</param>
/// <param name="P95">95th percentile, linear between neighbours (<c>numpy.percentile</c>).</param>
/// <param name="Minimum">The shortest.</param>
/// <param name="Maximum">The longest.</param>
internal sealed record LatencyStatistics(int Count, double Mean, double StandardDeviation, double P95, double Minimum, double Maximum)
{
    /// <param name="samples">Timings in any order and unit, at least one.</param>
    public static LatencyStatistics Of(IReadOnlyCollection<double> samples)
    {
        ArgumentOutOfRangeException.ThrowIfZero(samples.Count);

        double mean = samples.Average();
        double variance = samples.Average(x => (x - mean) * (x - mean));
        return new(samples.Count, mean, Math.Sqrt(variance), Percentile(samples, 95), samples.Min(), samples.Max());
    }

    /// <param name="samples">Values in any order, at least one.</param>
    /// <param name="percent">0 … 100.</param>
    public static double Percentile(IReadOnlyCollection<double> samples, double percent)
    {
        ArgumentOutOfRangeException.ThrowIfZero(samples.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(percent, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percent, 100);

        double[] sorted = [.. samples.Order()];
        double position = (sorted.Length - 1) * percent / 100;
        int below = (int)position;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((position - below) * (sorted[above] - sorted[below]));
    }
}
