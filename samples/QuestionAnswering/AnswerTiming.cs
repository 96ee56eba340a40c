using System.Diagnostics;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Samples;

/// <summary>Clocks a streamed reply. The first text marks the end of the prompt's work; what follows is decoding.</summary>
internal sealed class AnswerTiming
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly UsageDetails _usage = new();
    private TimeSpan? _first;
    private ChatFinishReason? _finishReason;

    public void Observe(ChatResponseUpdate update)
    {
        if (_first is null && update.Text.Length > 0)
        {
            _first = Stopwatch.GetElapsedTime(_start);
        }

        _finishReason = update.FinishReason ?? _finishReason;
        foreach (UsageContent usage in update.Contents.OfType<UsageContent>())
        {
            _usage.Add(usage.Details);
        }
    }

    /// <summary>Gives the account of a reply that has ended; call it right after the last update.</summary>
    public string Summarize()
    {
        TimeSpan all = Stopwatch.GetElapsedTime(_start);
        TimeSpan first = _first ?? all;
        double decode = (all - first).TotalSeconds;
        long prompt = _usage.InputTokenCount ?? 0;
        long reply = _usage.OutputTokenCount ?? 0;
        string decoding = reply > 1 && decode > 0 ? $"{(reply - 1) / decode:0.0} tokens/s" : "too short to tell";
        return $"""
            prompt: {prompt} tokens, {first.TotalSeconds:0.000} s to the first token, {prompt / first.TotalSeconds:0.0} tokens/s
            answer: {reply} tokens in {all.TotalSeconds:0.000} s, decode {decoding}, ended by {_finishReason?.Value ?? "the stream's end"}
            """;
    }
}
