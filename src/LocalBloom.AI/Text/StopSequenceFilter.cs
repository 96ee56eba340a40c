namespace LocalBloom.AI.Text;

/// <summary>Passes a reply's text on up to the first stop sequence, however the text is cut into deltas. Not thread-safe.</summary>
/// <remarks>
/// Of all stop sequences in the text, the one that starts first ends it; neither it nor what follows is passed on. Text that may yet
/// turn out to begin a stop sequence is held back, also where a shorter one has ended inside it.
/// </remarks>
internal sealed class StopSequenceFilter
{
    private readonly string[] _stops;
    private string _held = ""; // the end of the text, which begins a stop sequence

    /// <summary>Initializes a new instance of the <see cref="StopSequenceFilter"/> class.</summary>
    /// <param name="stopSequences">The sequences, compared ordinally; none lets all text pass.</param>
    /// <exception cref="ArgumentException">A sequence is empty: it would end every reply before it begins.</exception>
    public StopSequenceFilter(IEnumerable<string> stopSequences)
    {
        _stops = [.. stopSequences];
        if (_stops.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException("A stop sequence is empty, so every reply would end before it begins. Remove it.", nameof(stopSequences));
        }
    }

    /// <summary>Gets a value indicating whether a stop sequence has ended the text.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Adds text.</summary>
    /// <param name="delta">What the reply goes on with.</param>
    /// <returns>The text that is certain now, and whether a stop sequence has ended the reply. After that, nothing passes.</returns>
    public (string Text, bool Stopped) Append(string delta) => (Advance(delta, isEnd: false), Stopped);

    /// <summary>Ends the reply where no stop sequence did: what was held back passes, up to a stop sequence in it.</summary>
    public string Flush() => Advance("", isEnd: true);

    private string Advance(string delta, bool isEnd)
    {
        if (Stopped)
        {
            return "";
        }

        string text = _held + delta;
        int certain = 0;
        while (certain < text.Length)
        {
            ReadOnlySpan<char> rest = text.AsSpan(certain);
            Stopped = StartsWithStop(rest);
            if (Stopped || (!isEnd && MayStartStop(rest)))
            {
                break;
            }

            certain++;
        }

        _held = Stopped ? "" : text[certain..];
        return text[..certain];
    }

    private bool StartsWithStop(ReadOnlySpan<char> text)
    {
        foreach (string stop in _stops)
        {
            if (text.StartsWith(stop, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private bool MayStartStop(ReadOnlySpan<char> text)
    {
        foreach (string stop in _stops)
        {
            if (stop.AsSpan().StartsWith(text, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
