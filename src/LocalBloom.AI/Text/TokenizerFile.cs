using System.Text.Json;
using LocalBloom.AI.Loading;
using Microsoft.Win32.SafeHandles;

namespace LocalBloom.AI.Text;

/// <summary>What a <c>tokenizer.json</c> says, checked. Its only way in is <see cref="Read"/>.</summary>
internal sealed class TokenizerFile
{
    /// <summary>The largest file that is read: nine times BLOOM's own 14 MB, of 250,680 tokens.</summary>
    private const long MaxFileBytes = 128L << 20;

    /// <summary>The largest id that is taken at its word: sixteen times BLOOM's. Memory is used for every id up to the largest.</summary>
    private const int MaxId = (1 << 22) - 1;

    /// <summary>The most added tokens: each is looked for in every text, apart from the others.</summary>
    private const int MaxAddedTokens = 16_384;

    private TokenizerFile(LocatedJson root)
    {
        TokenizerPipeline.Check(root);
        Tokens = ReadVocabulary(root["model"]["vocab"]);
        AddedTokens = ReadAddedTokens(root["added_tokens"]);
        TokensById = IndexById(root);
        (Merges, MergeTable) = ReadMerges(root["model"]["merges"]);
        ByteIds = FindBytes(root["model"]["vocab"]);
        CheckSpecialTokens(root["added_tokens"]);
    }

    /// <summary>Gets BPE's tokens and their ids, as the file spells them.</summary>
    public Dictionary<string, int> Tokens { get; }

    /// <summary>Gets the tokens that are found in text as they stand.</summary>
    public List<AddedToken> AddedTokens { get; }

    /// <summary>Gets [ids] all tokens; <see langword="null"/> where an id has none.</summary>
    public string?[] TokensById { get; }

    /// <summary>Gets the merges in order of rank, each as <c>left right</c>.</summary>
    public List<string> Merges { get; }

    /// <summary>Gets the merges by the ids of their pair.</summary>
    public Dictionary<TokenPair, Merge> MergeTable { get; }

    /// <summary>Gets [256] the token of each single byte; −1 for bytes that UTF-8 never has and the file lacks.</summary>
    public int[] ByteIds { get; }

    /// <summary>Reads and checks a file.</summary>
    /// <exception cref="CheckpointException">The file is missing or is no byte-level BPE that we can reproduce.</exception>
    public static TokenizerFile Read(string path)
    {
        try
        {
            using SafeFileHandle handle = InputFile.Open(path, out long length);
            if (length > MaxFileBytes)
            {
                throw new CheckpointException(path, $"has {length >> 20} MiB; a tokenizer.json of at most {MaxFileBytes >> 20} MiB was expected.");
            }

            ReadOnlyMemory<byte> bytes = InputFile.Read(path, handle, 0, (int)length);
            bool hasMark = bytes.Span.StartsWith("\uFEFF"u8); // editors on Windows put a byte order mark there

            // A name that occurs twice would leave it to the reader which value counts.
            using JsonDocument json = JsonDocument.Parse(hasMark ? bytes[3..] : bytes, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return new TokenizerFile(new LocatedJson(path, "", json.RootElement));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"cannot be read as the model's tokenizer.json: {error.Message}", error);
        }
        catch (JsonException error)
        {
            throw new CheckpointException(path, $"is no JSON: {error.Message}", error);
        }
        catch (InvalidOperationException error) // System.Text.Json's word for a string that is no Unicode
        {
            throw new CheckpointException(path, $"holds text that is no valid Unicode: {error.Message}", error);
        }
    }

    private static Dictionary<string, int> ReadVocabulary(LocatedJson vocab)
    {
        var tokens = new Dictionary<string, int>(vocab.MemberCount(), StringComparer.Ordinal);
        foreach (JsonProperty token in vocab.Members())
        {
            if (token.Value.ValueKind != JsonValueKind.Number || !token.Value.TryGetInt32(out int id) || id is < 0 or > MaxId)
            {
                throw vocab.Error($"gives '{token.Name}' the id {token.Value}; expected a number from 0 to {MaxId}");
            }

            tokens[token.Name] = id;
        }

        return tokens;
    }

    private static List<AddedToken> ReadAddedTokens(LocatedJson list)
    {
        if (!list.IsNull && list.Length() > MaxAddedTokens)
        {
            throw list.Error($"has {list.Length()} tokens; expected at most {MaxAddedTokens}, BLOOM has 4");
        }

        var tokens = new List<AddedToken>();
        foreach (LocatedJson item in list.IsNull ? [] : list.LocatedItems())
        {
            var token = new AddedToken(item["content"].Text(), item["id"].Integer(), item["special"].IsTrue(), item["normalized"].IsTrue());
            if (token.Content.Length == 0 || token.Id is < 0 or > MaxId)
            {
                throw item.Error($"is '{token.Content}' with id {token.Id}; expected some text and a number from 0 to {MaxId}");
            }

            if (item["single_word"].IsTrue() || item["lstrip"].IsTrue() || item["rstrip"].IsTrue())
            {
                throw item.Error($"('{token.Content}') has single_word, lstrip or rstrip; BLOOM's added tokens have none, and none is supported");
            }

            tokens.Add(token);
        }

        return tokens;
    }

    /// <summary>Lays all tokens out by id; one id must not stand for two tokens, nor one token have two ids.</summary>
    private string?[] IndexById(LocatedJson root)
    {
        int largest = Math.Max(Tokens.Values.DefaultIfEmpty(-1).Max(), AddedTokens.Select(token => token.Id).DefaultIfEmpty(-1).Max());
        var byId = new string?[largest + 1];
        foreach ((string token, int id) in Tokens)
        {
            if (byId[id] is { } other)
            {
                throw root["model"]["vocab"].Error($"gives both '{other}' and '{token}' the id {id}");
            }

            byId[id] = token;
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (AddedToken token in AddedTokens)
        {
            bool isElsewhere = Tokens.TryGetValue(token.Content, out int id) && id != token.Id;
            if (isElsewhere || !seen.Add(token.Content) || (byId[token.Id] is { } other && other != token.Content))
            {
                throw root["added_tokens"].Error(
                    $"gives '{token.Content}' the id {token.Id}, which clashes with '{byId[token.Id] ?? token.Content}' elsewhere in the file");
            }

            byId[token.Id] = token.Content;
        }

        return byId;
    }

    private (List<string> Lines, Dictionary<TokenPair, Merge> Table) ReadMerges(LocatedJson merges)
    {
        int count = merges.Length();
        var lines = new List<string>(count);
        var table = new Dictionary<TokenPair, Merge>(count);
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> ids = Tokens.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (JsonElement item in merges.Items())
        {
            int rank = lines.Count;
            string line = MergeLine(item) ??
                throw merges.At(rank).Error("is no merge; expected \"left right\" or [\"left\", \"right\"], without other spaces");
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            string merged = line.Remove(space, 1);
            if (!ids.TryGetValue(line.AsSpan(..space), out int left) ||
                !ids.TryGetValue(line.AsSpan(space + 1), out int right) ||
                !ids.TryGetValue(merged, out int id))
            {
                throw merges.At(rank).Error($"is '{line}'; both tokens, and '{merged}', were expected to be in model.vocab");
            }

            if (!table.TryAdd(new TokenPair(left, right), new Merge(rank, id)))
            {
                throw merges.At(rank).Error($"is '{line}', as an earlier one is");
            }

            lines.Add(line);
        }

        return (lines, table);
    }

    private static string? MergeLine(JsonElement item)
    {
        string? line = item.ValueKind switch
        {
            JsonValueKind.String => item.GetString(),
            JsonValueKind.Array when item.GetArrayLength() == 2 && item.EnumerateArray().All(side => side.ValueKind == JsonValueKind.String) =>
                $"{item[0].GetString()} {item[1].GetString()}",
            _ => null,
        };

        int space = line?.IndexOf(' ', StringComparison.Ordinal) ?? -1;
        return space > 0 && space < line!.Length - 1 && line.IndexOf(' ', space + 1) < 0 ? line : null;
    }

    private int[] FindBytes(LocatedJson vocab)
    {
        var ids = new int[256];
        for (int value = 0; value < ids.Length; value++)
        {
            ids[value] = Tokens.GetValueOrDefault(ByteLevelAlphabet.Spell((byte)value).ToString(), -1);
            bool occursInUtf8 = value is not (0xC0 or 0xC1 or >= 0xF5);
            if (ids[value] < 0 && occursInUtf8)
            {
                throw vocab.Error(
                    $"has no token for the byte 0x{value:X2} ('{ByteLevelAlphabet.Spell((byte)value)}'); " +
                    "expected one for each, so that all text can be encoded");
            }
        }

        return ids;
    }

    /// <summary>Refuses special tokens that text can become by merging: a user could then write them.</summary>
    private void CheckSpecialTokens(LocatedJson addedTokens)
    {
        Dictionary<int, string> specials = AddedTokens.Where(token => token.IsSpecial).ToDictionary(token => token.Id, token => token.Content);
        foreach (int id in MergeTable.Values.Select(merge => merge.Id).Concat(ByteIds))
        {
            if (specials.TryGetValue(id, out string? special))
            {
                throw addedTokens.Error($"calls '{special}' special, but merges produce it from plain text; expected special tokens to be apart");
            }
        }
    }
}
