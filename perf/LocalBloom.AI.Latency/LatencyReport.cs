namespace LocalBloom.AI.Latency;

/// <summary>Everything that one invocation measured, as it stands in the JSON file.</summary>
internal sealed record LatencyReport(
    string Model,
    DateTimeOffset Date,
    Machine Machine,
    Versions Versions,
    string NumberType,
    string? MemoryLimit,
    int Warmup,
    int Runs,
    Repetition CallerRepetition,
    IReadOnlyList<TargetReport> Targets);

/// <param name="LocalBloom">This library, with the commit where the build knew it.</param>
/// <param name="TorchSharp">TorchSharp's managed part.</param>
/// <param name="Runtime">The .NET runtime.</param>
internal sealed record Versions(string LocalBloom, string TorchSharp, string Runtime);

/// <summary>One strategy on its devices.</summary>
/// <param name="Strategy">Its name.</param>
/// <param name="Devices">What was asked for, and for a projection what computed; empty where the engine chose.</param>
/// <param name="Plan">The engine's own description of what lies where.</param>
/// <param name="Input">The prompt's text, or its ids where there is no tokenizer.</param>
/// <param name="Output">The longest answer of the engine alone, text or ids likewise.</param>
/// <param name="WeightBytes">Bytes of weights, where loading reported them.</param>
/// <param name="DeviceBytes">Bytes that the engine holds on each device after the last run.</param>
/// <param name="WorkingSetBytes">Memory of the whole process in RAM after the last run.</param>
/// <param name="GpuMemory">What the driver says is in use on each GPU after the last run, by any process.</param>
/// <param name="Jobs">What was timed.</param>
/// <param name="Decoding">What one more token costs.</param>
/// <param name="Throughput">Many callers at once; empty where they were not asked for.</param>
internal sealed record TargetReport(
    string Strategy,
    IReadOnlyList<string> Devices,
    string Plan,
    string Input,
    string Output,
    long? WeightBytes,
    IReadOnlyDictionary<string, long> DeviceBytes,
    long WorkingSetBytes,
    IReadOnlyList<string> GpuMemory,
    IReadOnlyList<JobReport> Jobs,
    IReadOnlyList<DecodeReport> Decoding,
    IReadOnlyList<ThroughputReport> Throughput)
{
    /// <summary>Gets a value indicating whether one rank was measured alone: so many devices take at least as long.</summary>
    public bool IsProjection { get; init; }

    /// <summary>Gets prompts of other lengths and 1 new token each, through the engine; empty where they were not asked for.</summary>
    public IReadOnlyList<JobReport> PromptLengths { get; init; } = [];

    /// <summary>Gets the bytes that each step copies from host memory to the devices; 0 where all layers stay.</summary>
    public long StreamedBytes { get; init; }

    /// <summary>Gets the pinned host-to-device rate, measured after the runs; <see langword="null"/> where nothing is streamed to a GPU.</summary>
    public double? HostToDeviceGigabytesPerSecond { get; init; }

    /// <summary>Gets the most memory that was taken of each CUDA device: free before loading, less the least that was free from then on.</summary>
    public IReadOnlyDictionary<string, long> MostTaken { get; init; } = new Dictionary<string, long>();
}

/// <summary>One job, timed over and over.</summary>
/// <param name="Path"><c>IChatClient</c> or <c>engine</c>.</param>
/// <param name="PromptTokens">Tokens that went in.</param>
/// <param name="NewTokens">Tokens asked for.</param>
/// <param name="ActualTokens">Tokens that came; fewer where a reply ended by itself.</param>
/// <param name="Milliseconds">Every measured run in order.</param>
internal sealed record JobReport(string Path, int PromptTokens, int NewTokens, int ActualTokens, IReadOnlyList<double> Milliseconds)
{
    public LatencyStatistics Statistics { get; } = LatencyStatistics.Of(Milliseconds);
}

/// <summary>The slope between the shortest and the longest job of a path.</summary>
/// <param name="Path"><c>IChatClient</c> or <c>engine</c>.</param>
/// <param name="MillisecondsPerToken">(t_long − t_short) / (n_long − n_short).</param>
/// <param name="WeightGigabytesPerSecond">Bytes of weights over that time: what to hold against the memory's bandwidth.</param>
internal sealed record DecodeReport(string Path, double MillisecondsPerToken, double? WeightGigabytesPerSecond)
{
    /// <returns><see langword="null"/> where the jobs of the path do not differ in length.</returns>
    public static DecodeReport? Of(IReadOnlyList<JobReport> jobs, long? weightBytes)
    {
        JobReport few = jobs.MinBy(job => job.ActualTokens)!;
        JobReport many = jobs.MaxBy(job => job.ActualTokens)!;
        if (few.ActualTokens == many.ActualTokens)
        {
            return null;
        }

        double perToken = (many.Statistics.Mean - few.Statistics.Mean) / (many.ActualTokens - few.ActualTokens);
        return new(few.Path, perToken, perToken > 0 ? weightBytes / perToken / 1e6 : null);
    }
}
