using System.Text.Json.Nodes;
using LocalBloom.AI.Text;

namespace LocalBloom.AI.Tests.Text;

/// <summary>A small file in BLOOM's form, for tests to spoil: two special tokens, all bytes, and the merges "t h" and "th e".</summary>
internal sealed class TokenizerJsonBuilder
{
    public TokenizerJsonBuilder()
    {
        var vocab = new JsonObject { ["<unk>"] = 0, ["</s>"] = 1 };
        foreach (char character in Enumerable.Range(0, 256).Select(value => ByteLevelAlphabet.Spell((byte)value)).Order())
        {
            vocab[character.ToString()] = vocab.Count;
        }

        vocab["th"] = vocab.Count;
        vocab["the"] = vocab.Count;
        Root = (JsonObject)JsonNode.Parse("""
            {
              "version": "1.0", "truncation": { "max_length": 7 }, "padding": null, "normalizer": null,
              "added_tokens": [
                { "id": 0, "content": "<unk>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true },
                { "id": 1, "content": "</s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true }
              ],
              "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
                { "type": "Split", "pattern": { "Regex": " ?[^(\\s|[.,!?…。，、।۔،])]+" }, "behavior": "Isolated", "invert": false },
                { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false }
              ] },
              "post_processor": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": false },
              "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
              "model": { "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
                         "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "merges": ["t h", "th e"] }
            }
            """)!;
        Model["vocab"] = vocab;
    }

    public JsonObject Root { get; }

    public JsonObject Model => Root["model"]!.AsObject();

    public JsonObject Vocab => Model["vocab"]!.AsObject();

    public JsonArray AddedTokens => Root["added_tokens"]!.AsArray();

    public JsonArray PreTokenizers => Root["pre_tokenizer"]!["pretokenizers"]!.AsArray();

    public static BloomTokenizer LoadText(string json)
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        File.WriteAllText(path, json);
        try
        {
            return BloomTokenizer.Load(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    public BloomTokenizer Load() => LoadText(Root.ToJsonString());
}
