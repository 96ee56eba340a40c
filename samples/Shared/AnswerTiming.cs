using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Samples;

/// <summary>Clocks a streamed reply. The first text marks the end of the prompt's work; what follows is decoding.</summary>
/// <param name="clock">The clock; the system's if null.</param>
internal sealed class AnswerTiming(TimeProvider? clock = null)
{
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly long _start = (clock ?? TimeProvider.System).GetTimestamp();
    private readonly UsageDetails _usage = new();
    private TimeSpan? _first;

    /// <summary>Gets the time to the last update.</summary>
    public TimeSpan Elapsed { get; private set; }

    public TimeSpan ToFirstText => _first ?? Elapsed;

    public ChatFinishReason? FinishReason { get; private set; }

    public long PromptTokens => _usage.InputTokenCount ?? 0;

    public long ReplyTokens => _usage.OutputTokenCount ?? 0;

    /// <summary>Gets tokens per second of decoding, the first token apart; <see langword="null"/> where the reply is too short to tell.</summary>
    public double? DecodeRate => (Elapsed - ToFirstText).TotalSeconds is > 0 and double seconds && ReplyTokens > 1 ? (ReplyTokens - 1) / seconds : null;

    public void Observe(ChatResponseUpdate update)
    {
        Elapsed = _clock.GetElapsedTime(_start);
        if (_first is null && update.Text.Length > 0)
        {
            _first = Elapsed;
        }

        FinishReason = update.FinishReason ?? FinishReason;
        foreach (UsageContent usage in update.Contents.OfType<UsageContent>())
        {
            _usage.Add(usage.Details);
        }
    }

    /// <summary>Gives the account of a reply that has ended.</summary>
    public string Summarize() => $"""
        prompt: {PromptTokens} tokens, {ToFirstText.TotalSeconds:0.000} s to the first token, {PromptTokens / ToFirstText.TotalSeconds:0.0} tokens/s
        answer: {ReplyTokens} tokens in {Elapsed.TotalSeconds:0.000} s, decode {Rate}, ended by {FinishReason?.Value ?? "the stream's end"}
        """;

    private string Rate => DecodeRate is { } rate ? $"{rate:0.0} tokens/s" : "too short to tell";
}
