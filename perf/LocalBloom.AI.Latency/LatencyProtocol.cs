using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Latency;

/// <summary>The protocol: the prompt, warm-ups, measured runs, for every length through every path. One run at a time; greedy. Then other prompts and many callers, where asked for.</summary>
internal sealed class LatencyProtocol(LatencyArguments arguments)
{
    public const string ClientPath = "IChatClient";
    public const string EnginePath = "engine";

    private readonly PromptLengths _lengths = new(arguments);

    public async Task<TargetReport> MeasureAsync(Target target, CancellationToken cancellationToken)
    {
        using var watch = new DeviceMemoryWatch(target.Devices);
        TargetReport report = await MeasureLoadedAsync(target, cancellationToken);
        report = report with { MostTaken = watch.Stop() };
        return report.StreamedBytes > 0 && watch.FirstDevice is { } device // the model is gone: there is room for the measurement
            ? report with { HostToDeviceGigabytesPerSecond = HostToDeviceRate.Measure(device) }
            : report;
    }

    private async Task<TargetReport> MeasureLoadedAsync(Target target, CancellationToken cancellationToken)
    {
        using MeasuredModel model = await MeasuredModel.LoadAsync(arguments, target, cancellationToken);
        var manyCallers = new ThroughputProtocol(arguments, model);

        var client = new List<JobReport>();
        var engine = new List<JobReport>();
        string output = "";
        foreach (int newTokens in arguments.NewTokens)
        {
            if (model.Client is { } chat)
            {
                client.Add(await TimeAsync(ClientPath, newTokens, () => ReplyAsync(chat, newTokens, cancellationToken)));
            }

            var answer = new Answer(model, model.PromptIds, newTokens);
            engine.Add(await TimeAsync(EnginePath, newTokens, () => answer.GenerateAsync(cancellationToken)));
            output = answer.ToString();
        }

        var lengths = new List<JobReport>();
        for (int i = 0; i < _lengths.Lengths.Count; i++)
        {
            var answer = new Answer(model, _lengths.Prompt(i), newTokens: 1);
            lengths.Add(await TimeAsync(EnginePath, 1, () => answer.GenerateAsync(cancellationToken)));
        }

        IReadOnlyList<ThroughputReport> throughput = await manyCallers.MeasureAsync(cancellationToken);
        DecodeReport?[] decoding = [client.Count > 0 ? DecodeReport.Of(client, model.WeightBytes) : null, DecodeReport.Of(engine, model.WeightBytes)];
        return new TargetReport(
            target.Name,
            target.Computing,
            model.Engine.DescribePlan(),
            Input: model.Client is null ? string.Join(' ', model.PromptIds) : SeedPrompt.Text,
            target.IsOneRank ? "means nothing" : output,
            model.WeightBytes,
            model.Engine.DeviceMemory,
            Environment.WorkingSet,
            Machine.GpuMemoryInUse(),
            [.. client, .. engine],
            [.. decoding.OfType<DecodeReport>()],
            throughput)
        {
            IsProjection = target.IsOneRank,
            PromptLengths = lengths,
            StreamedBytes = model.Engine.Status.StreamedBytes,
        };
    }

    private static async Task<(int Prompt, int Reply)> ReplyAsync(IChatClient client, int newTokens, CancellationToken cancellationToken)
    {
        var options = new ChatOptions { Temperature = 0, MaxOutputTokens = newTokens };
        ChatResponse response = await client.GetResponseAsync(SeedPrompt.Text, options, cancellationToken);
        return ((int)(response.Usage?.InputTokenCount ?? 0), (int)(response.Usage?.OutputTokenCount ?? 0));
    }

    private async Task<JobReport> TimeAsync(string path, int newTokens, Func<Task<(int Prompt, int Reply)>> run)
    {
        IReadOnlyList<((int Prompt, int Reply) Tokens, TimeSpan Elapsed)> runs = await arguments.Repetition.RunAsync(run);
        (int prompt, int reply) = runs[^1].Tokens;
        return new JobReport(path, prompt, newTokens, reply, [.. runs.Select(run => run.Elapsed.TotalMilliseconds)]);
    }

    /// <summary>Generates a fixed number of tokens and keeps what came last.</summary>
    private sealed class Answer(MeasuredModel model, IReadOnlyList<int> prompt, int newTokens)
    {
        private readonly GenerationRequest _request = new() { PromptIds = prompt, MaxNewTokens = newTokens, IgnoreEndOfSequence = true };
        private readonly List<GenerationDelta> _deltas = [];

        public async Task<(int Prompt, int Reply)> GenerateAsync(CancellationToken cancellationToken)
        {
            _deltas.Clear();
            await foreach (GenerationDelta delta in model.Engine.GenerateAsync(_request, cancellationToken))
            {
                _deltas.Add(delta);
            }

            return (_request.PromptIds.Count, _deltas.Count);
        }

        public override string ToString() =>
            model.Client is null ? string.Join(' ', _deltas.Select(d => d.TokenId)) : string.Concat(_deltas.Select(d => d.Text));
    }
}
