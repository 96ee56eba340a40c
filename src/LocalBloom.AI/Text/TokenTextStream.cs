using System.Text;

namespace LocalBloom.AI.Text;

/// <summary>Turns a reply's tokens into text as they come. A character whose bytes are not all there is held back. Not thread-safe.</summary>
/// <remarks>All that is appended and flushed is what <see cref="BloomTokenizer.Decode"/> gives for all ids, special tokens skipped.</remarks>
internal sealed class TokenTextStream(BloomTokenizer tokenizer)
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>Adds a token.</summary>
    /// <param name="id">The token; special and unknown ones add nothing.</param>
    /// <returns>The characters that are now complete, never half a surrogate pair.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="id"/> is negative.</exception>
    public string Append(int id) => Decode(tokenizer.GetTokenBytes(id).Span, flush: false);

    /// <summary>Ends the reply.</summary>
    /// <returns>A replacement character if the last character is incomplete, else nothing.</returns>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        var chars = new char[_decoder.GetCharCount(bytes, flush)];
        return new string(chars, 0, _decoder.GetChars(bytes, chars, flush));
    }
}
