using System.Buffers;

namespace LocalBloom.AI.Text;

/// <summary>What each id stands for. Ids without a token, and ids beyond the last one, stand for nothing.</summary>
internal sealed class Vocabulary
{
    private readonly byte[] _bytes; // all tokens' bytes, by id
    private readonly int[] _starts; // [ids + 1], into _bytes
    private readonly bool[] _isSpecial; // [ids]

    /// <summary>Initializes a new instance of the <see cref="Vocabulary"/> class.</summary>
    /// <param name="tokens">[ids] tokens as the file spells them; <see langword="null"/> where an id has none.</param>
    /// <param name="specialIds">The ids of special tokens.</param>
    public Vocabulary(IReadOnlyList<string?> tokens, IEnumerable<int> specialIds)
    {
        _starts = new int[tokens.Count + 1];
        _isSpecial = new bool[tokens.Count];
        foreach (int id in specialIds)
        {
            _isSpecial[id] = true;
        }

        var bytes = new ArrayBufferWriter<byte>(16 * tokens.Count);
        for (int id = 0; id < tokens.Count; id++)
        {
            if (tokens[id] is { } token)
            {
                ByteLevelAlphabet.AppendBytes(token, bytes);
            }

            _starts[id + 1] = bytes.WrittenCount;
        }

        _bytes = bytes.WrittenSpan.ToArray();
    }

    /// <summary>Gets the number of ids, those without a token included.</summary>
    public int Size => _isSpecial.Length;

    /// <summary>Tells whether a token is special.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="id"/> is negative.</exception>
    public bool IsSpecial(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        return id < _isSpecial.Length && _isSpecial[id];
    }

    /// <summary>Gets a token's bytes, which need be no complete characters; a special token's are its name.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="id"/> is negative.</exception>
    public ReadOnlyMemory<byte> GetBytes(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        return id < Size ? _bytes.AsMemory(_starts[id].._starts[id + 1]) : default;
    }
}
