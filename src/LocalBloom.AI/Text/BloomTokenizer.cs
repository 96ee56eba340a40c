using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;

namespace LocalBloom.AI.Text;

/// <summary>BLOOM's byte-level BPE, read from <c>tokenizer.json</c>. Immutable and thread-safe.</summary>
/// <remarks>Half a surrogate pair in a text, which no encoding can hold, is taken for U+FFFD, as UTF-8 encoders do.</remarks>
internal sealed class BloomTokenizer
{
    private readonly BpeEncoder _encoder;
    private readonly Vocabulary _vocabulary;
    private readonly TokenCountBound _bound;
    private readonly Dictionary<string, int> _specialIds;

    // What is looked for in turn, each in what the one before left over: first tokens that are not "normalized", then those that are.
    private readonly AddedTokenPattern[] _allAddedTokens;
    private readonly AddedTokenPattern[] _plainAddedTokens;

    private BloomTokenizer(TokenizerFile file)
    {
        AddedToken[] specials = [.. file.AddedTokens.Where(token => token.IsSpecial)];
        _encoder = new BpeEncoder(file);
        _vocabulary = new Vocabulary(file.TokensById, specials.Select(token => token.Id));
        _bound = new TokenCountBound(_vocabulary);
        _specialIds = specials.ToDictionary(token => token.Content, token => token.Id, StringComparer.Ordinal);
        _allAddedTokens = Patterns(file.AddedTokens);
        _plainAddedTokens = Patterns(file.AddedTokens.Except(specials));
    }

    /// <summary>Gets the number of ids, special tokens included.</summary>
    public int VocabularySize => _vocabulary.Size;

    /// <summary>Gets the length of the longest token that is not special, in bytes.</summary>
    public int LongestTokenBytes => _bound.LongestTokenBytes;

    /// <summary>Reads a tokenizer.</summary>
    /// <param name="path">The <c>tokenizer.json</c>.</param>
    /// <exception cref="CheckpointException">The file is missing or is no byte-level BPE that we can reproduce.</exception>
    public static BloomTokenizer Load(string path) => new(TokenizerFile.Read(path));

    /// <summary>Encodes text; special tokens in it are plain text.</summary>
    public IReadOnlyList<int> Encode(string text)
    {
        var ids = new List<int>();
        AppendText(WellFormed(text), _plainAddedTokens, ids);
        return ids;
    }

    /// <summary>Encodes text in which special tokens stand by name, as transformers' tokenizer does.</summary>
    public IReadOnlyList<int> EncodeWithSpecialTokens(string text)
    {
        var ids = new List<int>();
        AppendText(WellFormed(text), _allAddedTokens, ids);
        return ids;
    }

    /// <summary>Encodes a prompt, refusing what cannot fit before it is encoded.</summary>
    /// <param name="parts">Text and special tokens in order. Texts that follow each other are encoded as one.</param>
    /// <param name="maxContextTokens">Tokens that prompt and reply have together; the prompt must leave room for one more.</param>
    /// <exception cref="ContextOverflowException">The prompt does not fit.</exception>
    /// <exception cref="ArgumentException">A part names a special token that the vocabulary lacks, or the prompt is empty.</exception>
    public IReadOnlyList<int> Encode(IReadOnlyList<PromptPart> parts, int maxContextTokens)
    {
        List<PromptPart> joined = JoinTexts(parts);
        long atLeast = joined.Sum(part => part.IsSpecialToken ? 1L : _bound.AtLeast(part.Value));
        if (atLeast >= maxContextTokens)
        {
            throw new ContextOverflowException((int)Math.Min(atLeast, int.MaxValue), maxContextTokens, isLowerBound: true);
        }

        var ids = new List<int>();
        foreach (PromptPart part in joined)
        {
            if (part.IsSpecialToken)
            {
                ids.Add(SpecialId(part.Value));
            }
            else
            {
                AppendText(WellFormed(part.Value), _plainAddedTokens, ids);
            }
        }

        return ids.Count switch
        {
            0 => throw new ArgumentException(
                "The prompt is empty, but a model can only continue something. Give it at least one message with text.", nameof(parts)),
            _ when ids.Count >= maxContextTokens => throw new ContextOverflowException(ids.Count, maxContextTokens),
            _ => ids,
        };
    }

    /// <summary>Decodes ids to text; bytes that are no valid UTF-8 become replacement characters.</summary>
    /// <param name="ids">Ids; those beyond the vocabulary, which the rows of a model's head may exceed, stand for nothing.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out instead of spelled by name.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative.</exception>
    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens)
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (int id in ids)
        {
            bytes.Write(skipSpecialTokens ? GetTokenBytes(id).Span : _vocabulary.GetBytes(id).Span);
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>Gets the bytes that a token adds to a reply, which need be no complete characters; none for special and unknown tokens.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="id"/> is negative.</exception>
    public ReadOnlyMemory<byte> GetTokenBytes(int id) => _vocabulary.IsSpecial(id) ? default : _vocabulary.GetBytes(id);

    /// <summary>Tells whether a token is special.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="id"/> is negative.</exception>
    public bool IsSpecial(int id) => _vocabulary.IsSpecial(id);

    /// <summary>Gets the id of a special token.</summary>
    /// <param name="name">Its name, such as <c>&lt;/s&gt;</c>.</param>
    /// <param name="id">The id.</param>
    /// <returns>Whether there is such a special token.</returns>
    public bool TryGetSpecialTokenId(string name, out int id) => _specialIds.TryGetValue(name, out id);

    private static AddedTokenPattern[] Patterns(IEnumerable<AddedToken> tokens) =>
        [.. tokens.GroupBy(token => token.IsNormalized).OrderBy(group => group.Key).Select(group => new AddedTokenPattern(group))];

    private static string WellFormed(string text) =>
        text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF') ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;

    private static List<PromptPart> JoinTexts(IReadOnlyList<PromptPart> parts)
    {
        var joined = new List<PromptPart>();
        var text = new StringBuilder();
        foreach (PromptPart part in parts)
        {
            if (part.IsSpecialToken)
            {
                joined.Add(new PromptPart(text.ToString()));
                joined.Add(part);
                text.Clear();
            }
            else
            {
                text.Append(part.Value);
            }
        }

        joined.Add(new PromptPart(text.ToString()));
        return joined;
    }

    private int SpecialId(string name) => _specialIds.TryGetValue(name, out int id)
        ? id
        : throw new ArgumentException($"The tokenizer has no special token '{name}'. It has: {string.Join(", ", _specialIds.Keys)}.");

    private void AppendText(ReadOnlySpan<char> text, ReadOnlySpan<AddedTokenPattern> addedTokens, List<int> ids)
    {
        if (addedTokens.IsEmpty)
        {
            _encoder.Encode(text, ids);
            return;
        }

        int end = 0;
        foreach (ValueMatch match in addedTokens[0].Find(text))
        {
            AppendText(text[end..match.Index], addedTokens[1..], ids);
            ids.Add(addedTokens[0].IdOf(text.Slice(match.Index, match.Length)));
            end = match.Index + match.Length;
        }

        AppendText(text[end..], addedTokens[1..], ids);
    }
}
