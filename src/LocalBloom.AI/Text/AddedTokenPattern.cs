using System.Text.RegularExpressions;

namespace LocalBloom.AI.Text;

/// <summary>Finds added tokens in text: the leftmost, and of those that start there the longest.</summary>
internal sealed class AddedTokenPattern
{
    private readonly Regex _anyToken;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;

    /// <summary>Initializes a new instance of the <see cref="AddedTokenPattern"/> class.</summary>
    /// <param name="tokens">At least one token.</param>
    public AddedTokenPattern(IEnumerable<AddedToken> tokens)
    {
        Dictionary<string, int> ids = tokens.ToDictionary(token => token.Content, token => token.Id, StringComparer.Ordinal);
        _ids = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _anyToken = new Regex(string.Join('|', ids.Keys.OrderByDescending(content => content.Length).Select(Regex.Escape)));
    }

    /// <summary>Finds the tokens in <paramref name="text"/>, in order and without overlap.</summary>
    public Regex.ValueMatchEnumerator Find(ReadOnlySpan<char> text) => _anyToken.EnumerateMatches(text);

    /// <summary>Gets the id of a token that was found.</summary>
    public int IdOf(ReadOnlySpan<char> token) => _ids[token];
}
