using System.Diagnostics;
using LocalBloom.AI.Model;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Latency;

/// <summary>Many callers at once, each with a prompt of its own, for every number of callers through every path. Greedy.</summary>
internal sealed class ThroughputProtocol
{
    private const int NewTokens = 64;

    private readonly LatencyArguments _arguments;
    private readonly MeasuredModel _model;
    private readonly int[][] _prompts;

    /// <exception cref="UsageException">The engine as it was loaded cannot serve so many callers at once.</exception>
    public ThroughputProtocol(LatencyArguments arguments, MeasuredModel model)
    {
        _arguments = arguments;
        _model = model;
        _prompts = [.. Enumerable.Range(0, arguments.MostCallers).Select(caller => model.EncodePrompt(caller).ToArray())];
        RequireRoom();
    }

    public async Task<IReadOnlyList<ThroughputReport>> MeasureAsync(CancellationToken cancellationToken)
    {
        var reports = new List<ThroughputReport>();
        foreach (int callers in _arguments.Callers)
        {
            if (_model.Client is { } client)
            {
                reports.Add(await MeasureAsync(LatencyProtocol.ClientPath, callers, (caller, start) => AskAsync(client, caller, start, cancellationToken)));
            }

            reports.Add(await MeasureAsync(LatencyProtocol.EnginePath, callers, (caller, start) => GenerateAsync(_prompts[caller], start, cancellationToken)));
        }

        return reports;
    }

    // Callers who wait for others would be measured as slow ones.
    private void RequireRoom()
    {
        if (_prompts.Length > _model.Engine.StepTokens)
        {
            throw new UsageException($"--callers: this model computes {_model.Engine.StepTokens} tokens in a step, so {_prompts.Length} callers cannot be served at once; ask for fewer.");
        }

        int needed = _prompts.Sum(prompt => LayerCache.BlockCount(prompt.Length + NewTokens)) * LayerCache.BlockSize;
        if (needed > _model.Engine.CacheTokens)
        {
            throw new UsageException(
                $"{_prompts.Length} callers need {needed} tokens of cache and the engine has {_model.Engine.CacheTokens}; give --cache-tokens {needed}, or ask for fewer --callers.");
        }
    }

    private async Task<ThroughputReport> MeasureAsync(string path, int callers, Func<int, long, Task<CallerTiming>> call)
    {
        return ThroughputReport.Of(path, NewTokens, await _arguments.CallerRepetition.RunAsync(AllAtOnceAsync), _model.WeightBytes);

        async Task<IReadOnlyList<CallerTiming>> AllAtOnceAsync()
        {
            long start = Stopwatch.GetTimestamp();
            return await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(() => call(caller, start))));
        }
    }

    private async Task<CallerTiming> GenerateAsync(int[] prompt, long start, CancellationToken cancellationToken)
    {
        var request = new GenerationRequest { PromptIds = prompt, MaxNewTokens = NewTokens, IgnoreEndOfSequence = true };
        var clock = new CallerClock(start);
        int tokens = 0;
        await foreach (GenerationDelta _ in _model.Engine.GenerateAsync(request, cancellationToken))
        {
            tokens++;
            clock.Tick();
        }

        return clock.ToTiming(prompt.Length, tokens);
    }

    private static async Task<CallerTiming> AskAsync(IChatClient client, int caller, long start, CancellationToken cancellationToken)
    {
        var options = new ChatOptions
        {
            Temperature = 0,
            MaxOutputTokens = NewTokens,
            AdditionalProperties = new() { ["min_tokens"] = NewTokens }, // a caller who is done early would leave the others more
        };
        var clock = new CallerClock(start);
        UsageDetails usage = new();
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(MeasuredModel.PromptText(caller), options, cancellationToken))
        {
            clock.Tick();
            update.Contents.OfType<UsageContent>().ToList().ForEach(content => usage.Add(content.Details));
        }

        return clock.ToTiming((int)(usage.InputTokenCount ?? 0), (int)(usage.OutputTokenCount ?? 0));
    }

    private sealed class CallerClock(long start)
    {
        private double? _first;
        private double _last;

        public void Tick()
        {
            _last = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            _first ??= _last;
        }

        public CallerTiming ToTiming(int promptTokens, int newTokens) => new(promptTokens, newTokens, _first ?? _last, _last);
    }
}
