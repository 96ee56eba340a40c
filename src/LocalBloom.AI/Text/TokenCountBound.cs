using System.Text;

namespace LocalBloom.AI.Text;

/// <summary>Tells without encoding how many tokens a text has at least.</summary>
/// <remarks>
/// A byte counts 1/L, where L is the length of the longest token that holds this byte. A token of n bytes is no longer than any of
/// their L, so its bytes count n · 1/n = 1 at most, and a text has at least as many tokens as its bytes count in all.
/// This is never below bytes ÷ longest token, and far above it where the longest tokens are runs of spaces or dashes.
/// </remarks>
internal sealed class TokenCountBound
{
    // Counts are fixed-point and rounded down: the sum stays below the true one, and below 2⁶³ for any string.
    private const int FractionBits = 31;
    private const long One = 1L << FractionBits;

    private readonly long[] _counts = new long[256]; // by byte

    /// <summary>Initializes a new instance of the <see cref="TokenCountBound"/> class.</summary>
    /// <param name="vocabulary">The tokens; special ones do not count, since text never becomes one.</param>
    public TokenCountBound(Vocabulary vocabulary)
    {
        Span<int> longest = stackalloc int[256];
        longest.Clear();
        for (int id = 0; id < vocabulary.Size; id++)
        {
            ReadOnlySpan<byte> token = vocabulary.IsSpecial(id) ? [] : vocabulary.GetBytes(id).Span;
            foreach (byte value in token)
            {
                longest[value] = Math.Max(longest[value], token.Length);
            }

            LongestTokenBytes = Math.Max(LongestTokenBytes, token.Length);
        }

        for (int value = 0; value < _counts.Length; value++)
        {
            _counts[value] = One / Math.Max(1, longest[value]);
        }
    }

    /// <summary>Gets the length of the longest token that is not special, in bytes.</summary>
    public int LongestTokenBytes { get; }

    /// <summary>Gets a number of tokens that <paramref name="text"/> has at least.</summary>
    public int AtLeast(string text)
    {
        const int ChunkChars = 1024;

        Span<byte> buffer = stackalloc byte[Encoding.UTF8.GetMaxByteCount(ChunkChars)];
        Encoder encoder = Encoding.UTF8.GetEncoder(); // keeps a pair of surrogates together over the chunks' borders
        long sum = 0;
        for (int start = 0; start < text.Length; start += ChunkChars)
        {
            ReadOnlySpan<char> chunk = text.AsSpan(start, Math.Min(ChunkChars, text.Length - start));
            int count = encoder.GetBytes(chunk, buffer, flush: start + ChunkChars >= text.Length);
            foreach (byte value in buffer[..count])
            {
                sum += _counts[value];
            }
        }

        return (int)Math.Min(int.MaxValue, (sum + One - 1) >> FractionBits);
    }
}
