#pragma warning disable CA1822, IDE0060 // being written
namespace LocalBloom.AI.Text;

/// <summary>BLOOM's byte-level BPE, read from <c>tokenizer.json</c>. Immutable and thread-safe.</summary>
internal sealed class BloomTokenizer
{
    /// <summary>Reads a tokenizer.</summary>
    /// <param name="path">The <c>tokenizer.json</c>.</param>
    /// <exception cref="CheckpointException">The file is missing or is no byte-level BPE that we can reproduce.</exception>
    public static BloomTokenizer Load(string path) => throw new CheckpointException(path, "not written yet.");

    /// <summary>Gets the number of ids, special tokens included.</summary>
    public int VocabularySize { get; }

    /// <summary>Encodes text; special tokens in it are plain text.</summary>
    public IReadOnlyList<int> Encode(string text) => [];

    /// <summary>Encodes text in which special tokens stand by name, as transformers' tokenizer does.</summary>
    public IReadOnlyList<int> EncodeWithSpecialTokens(string text) => [];

    /// <summary>Encodes a prompt, refusing what cannot fit before it is encoded.</summary>
    /// <param name="parts">Text and special tokens in order.</param>
    /// <param name="maxContextTokens">Tokens that prompt and reply have together; the prompt must leave room for one more.</param>
    /// <exception cref="ContextOverflowException">The prompt does not fit.</exception>
    /// <exception cref="ArgumentException">A part names a special token that the vocabulary lacks.</exception>
    public IReadOnlyList<int> Encode(IReadOnlyList<PromptPart> parts, int maxContextTokens) => [];

    /// <summary>Decodes ids to text; bytes that are no valid UTF-8 become replacement characters.</summary>
    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens) => "";
}
