using System.Diagnostics;

namespace LocalBloom.AI.Engine;

/// <summary>When the tokens of a request came. The engine thread writes it; it is exact once the request has ended.</summary>
internal sealed class TokenTiming
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Dictionary<int, int> _replies = [];
    private long _first;
    private long _last;
    private int _longest;

    /// <summary>Gets how many tokens have come, of all replies.</summary>
    public int Tokens { get; private set; }

    /// <summary>Gets the time since the request was made.</summary>
    public TimeSpan Age => Stopwatch.GetElapsedTime(_start);

    /// <summary>Gets the time from the request to its first token; null while there is none.</summary>
    public TimeSpan? ToFirst => _first == 0 ? null : Stopwatch.GetElapsedTime(_start, _first);

    /// <summary>Gets the time that each token of the longest reply took after its first; null while there is but one, or none.</summary>
    public TimeSpan? PerToken => _longest < 2 ? null : Stopwatch.GetElapsedTime(_first, _last) / (_longest - 1);

    /// <summary>Notes that a token came.</summary>
    public void Add(int reply)
    {
        _last = Stopwatch.GetTimestamp();
        _first = _first == 0 ? _last : _first;
        int tokens = _replies[reply] = _replies.GetValueOrDefault(reply) + 1;
        _longest = Math.Max(_longest, tokens);
        Tokens++;
    }
}
