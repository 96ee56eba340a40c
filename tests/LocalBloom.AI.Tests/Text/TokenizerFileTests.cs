using System.Text.Json.Nodes;
using LocalBloom.AI.Text;

namespace LocalBloom.AI.Tests.Text;

public class TokenizerFileTests
{
    /// <summary>What is wrong, and what the error must say about it.</summary>
    private static readonly Dictionary<string, (Action<TokenizerJsonBuilder> Spoil, string Expected)> s_faults = new(StringComparer.Ordinal)
    {
        ["root is empty"] = (file => file.Root.Clear(), "pre_tokenizer is without a type; expected BLOOM's Sequence"),
        ["normalizer"] = (file => file.Root["normalizer"] = Step("NFKC"), "normalizer changes text before it is encoded (NFKC)"),
        ["pre_tokenizer is one step"] = (file => file.Root["pre_tokenizer"] = Step("ByteLevel"), "pre_tokenizer is ByteLevel; expected"),
        ["three steps"] = (file => file.PreTokenizers.Add(Step("Digits")), "expected BLOOM's Sequence of Split and ByteLevel"),
        ["split of another kind"] = (file => file.PreTokenizers[0] = Step("Whitespace"), "pre_tokenizer.pretokenizers[0] is Whitespace"),
        ["split removes"] = (file => file.PreTokenizers[0]!["behavior"] = "Removed", "behavior Removed; expected Split with behavior Isolated"),
        ["split inverted"] = (file => file.PreTokenizers[0]!["invert"] = true, "not inverted"),
        ["another regex"] = (file => file.PreTokenizers[0]!["pattern"]!["Regex"] = @"\p{L}+", @"[0].pattern.Regex is '\p{L}+'; only BLOOM's"),
        ["string pattern"] = (file => file.PreTokenizers[0]!["pattern"] = new JsonObject { ["String"] = " " }, "pattern.Regex is no string"),
        ["no byte level"] = (file => file.PreTokenizers[1] = Step("Metaspace"), "pretokenizers[1] is Metaspace; expected ByteLevel"),
        ["prefix space"] = (file => file.PreTokenizers[1]!["add_prefix_space"] = true, "add_prefix_space or use_regex"),
        ["byte level with GPT-2's regex"] = (file => file.PreTokenizers[1]!.AsObject().Remove("use_regex"), "add_prefix_space or use_regex"),
        ["post-processor adds tokens"] = (file => file.Root["post_processor"] = Step("TemplateProcessing"), "post_processor is TemplateProcessing"),
        ["decoder"] = (file => file.Root["decoder"] = null, "decoder is without a type; expected ByteLevel"),
        ["model type"] = (file => file.Model["type"] = "Unigram", "model.type is Unigram; expected BPE"),
        ["no model"] = (file => file.Root.Remove("model"), "model.type is without a type; expected BPE"),
        ["dropout"] = (file => file.Model["dropout"] = 0.1, "model.dropout is set"),
        ["prefix"] = (file => file.Model["continuing_subword_prefix"] = "##", "model.continuing_subword_prefix is '##'"),
        ["suffix"] = (file => file.Model["end_of_word_suffix"] = "</w>", "model.end_of_word_suffix is '</w>'"),
        ["ignore_merges"] = (file => file.Model["ignore_merges"] = true, "model.ignore_merges is true"),
        ["vocab is an array"] = (file => file.Model["vocab"] = new JsonArray(), "model.vocab is no object"),
        ["id is text"] = (file => file.Vocab["the"] = "259", "model.vocab gives 'the' the id 259; expected a number"),
        ["id is negative"] = (file => file.Vocab["the"] = -1, "model.vocab gives 'the' the id -1"),
        ["id is vast"] = (file => file.Vocab["the"] = int.MaxValue, "model.vocab gives 'the' the id 2147483647"),
        ["id is a fraction"] = (file => file.Vocab["the"] = 1.5, "model.vocab gives 'the' the id 1.5"),
        ["id twice"] = (file => file.Vocab["the"] = 258, "model.vocab gives both 'th' and 'the' the id 258"),
        ["byte missing"] = (file => file.Vocab.Remove("Ċ"), "model.vocab has no token for the byte 0x0A ('Ċ')"),
        ["merges missing"] = (file => file.Model.Remove("merges"), "model.merges is no array"),
        ["merge of a number"] = (file => Merge(file, 7), "model.merges[2] is no merge"),
        ["merge of three"] = (file => Merge(file, new JsonArray("a", "b", "c")), "model.merges[2] is no merge"),
        ["merge with spaces"] = (file => Merge(file, "a b c"), "model.merges[2] is no merge"),
        ["merge with an inner space"] = (file => Merge(file, new JsonArray("a ", "b")), "model.merges[2] is no merge"),
        ["merge of one"] = (file => Merge(file, "a "), "model.merges[2] is no merge"),
        ["merge of an unknown token"] = (file => Merge(file, "qq u"), "model.merges[2] is 'qq u'; both tokens, and 'qqu', were expected"),
        ["merge into an unknown token"] = (file => Merge(file, "q u"), "model.merges[2] is 'q u'; both tokens, and 'qu', were expected"),
        ["merge twice"] = (file => Merge(file, "t h"), "model.merges[2] is 't h', as an earlier one is"),
        ["added token with two ids"] = (file => file.AddedTokens[1]!["id"] = 999, "gives '</s>' the id 999, which clashes"),
        ["added token on another's id"] = (file => Add(file, "[NEW]", 258), "gives '[NEW]' the id 258, which clashes with 'th'"),
        ["added token twice"] = (file => Add(file, "</s>", 1), "gives '</s>' the id 1, which clashes"),
        ["added token of nothing"] = (file => Add(file, "", 999), "added_tokens[2] is '' with id 999"),
        ["added token with a vast id"] = (file => Add(file, "[NEW]", int.MaxValue), "added_tokens[2] is '[NEW]' with id 2147483647"),
        ["added token without a name"] = (file => file.AddedTokens[1]!.AsObject().Remove("content"), "added_tokens[1].content is no string"),
        ["added token without an id"] = (file => file.AddedTokens[1]!.AsObject().Remove("id"), "added_tokens[1].id is no whole number"),
        ["added token strips"] = (file => file.AddedTokens[1]!["lstrip"] = true, "added_tokens[1] ('</s>') has single_word, lstrip or rstrip"),
        ["special token that text merges into"] = (file => Add(file, "the", 259), "calls 'the' special, but merges produce it"),
        ["special token that is a byte"] = (file => Add(file, "!", 2), "calls '!' special, but merges produce it"),
    };

    public static TheoryData<string> FaultNames => [.. s_faults.Keys];

    [Fact]
    public void Load_BloomsForm_Works()
    {
        BloomTokenizer tokenizer = new TokenizerJsonBuilder().Load();

        Assert.Equal(260, tokenizer.VocabularySize);
        Assert.Equal([259, 258], tokenizer.Encode("theth"));
    }

    [Fact]
    public void Load_MergesAsPairs_AndTheRegexWithoutNesting_AreTheSame()
    {
        var file = new TokenizerJsonBuilder();
        file.Model["merges"] = new JsonArray(new JsonArray("t", "h"), new JsonArray("th", "e"));
        file.PreTokenizers[0]!["pattern"]!["Regex"] = @" ?[^(\s|.,!?…。，、।۔،)]+";

        Assert.Equal([259, 258], file.Load().Encode("theth"));
    }

    [Fact]
    public void Load_BytesThatUtf8NeverHas_MayBeMissing()
    {
        var file = new TokenizerJsonBuilder();
        file.Vocab.Remove("ÿ");

        Assert.Equal([259], file.Load().Encode("the"));
    }

    [Fact]
    public void Load_IdsWithHoles_StandForNothingThere()
    {
        var file = new TokenizerJsonBuilder();
        Add(file, "<extra>", 300);
        BloomTokenizer tokenizer = file.Load();

        Assert.Equal(301, tokenizer.VocabularySize);
        Assert.Equal("the", tokenizer.Decode([280, 259], skipSpecialTokens: false));
    }

    [Fact]
    public void AddedTokens_OrdinaryOnes_AreFoundInPlainText_TheLongestFirst()
    {
        var file = new TokenizerJsonBuilder();
        Add(file, "[A]", 260, special: false);
        Add(file, "[A]+", 261, special: false);
        Add(file, "x[", 262, special: false, normalized: true);
        BloomTokenizer tokenizer = file.Load();

        Assert.Equal([.. tokenizer.Encode("x"), 261, 259, 260, .. tokenizer.Encode("</s>")], tokenizer.Encode("x[A]+the[A]</s>"));
        Assert.Equal([262, 1], tokenizer.EncodeWithSpecialTokens("x[</s>"));
        Assert.Equal("[A]+", tokenizer.Decode([1, 261], skipSpecialTokens: true));
    }

    [Theory]
    [MemberData(nameof(FaultNames))]
    public void Load_Fault_IsNamedWithWhatWasExpected(string name)
    {
        var file = new TokenizerJsonBuilder();
        s_faults[name].Spoil(file);

        CheckpointException error = Assert.Throws<CheckpointException>(file.Load);

        Assert.Contains(s_faults[name].Expected, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(error.Path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData("{", "is no JSON")]
    [InlineData("version https://git-lfs.github.com/spec/v1", "is no JSON")]
    [InlineData("[]", "pre_tokenizer is without a type")]
    [InlineData("null", "pre_tokenizer is without a type")]
    [InlineData("""{ "model": {}, "model": {} }""", "is no JSON")]
    public void Load_OtherText_SaysWhatItIs(string text, string expected) => AssertRefused(text, expected);

    [Fact]
    public void Load_NestedTooDeep_IsRefused() => AssertRefused(new string('[', 100_000), "is no JSON");

    [Fact]
    public void Load_TextThatIsNoUnicode_IsRefused() =>
        AssertRefused(new TokenizerJsonBuilder().Root.ToJsonString().Replace("\"the\"", "\"\\ud800\"", StringComparison.Ordinal), "no valid Unicode");

    [Fact]
    public void Load_VastListOfAddedTokens_IsRefused()
    {
        var file = new TokenizerJsonBuilder();
        for (int i = 0; i < 16_384; i++)
        {
            Add(file, $"<{i}>", 260 + i);
        }

        Assert.Contains("has 16386 tokens; expected at most 16384", Assert.Throws<CheckpointException>(file.Load).Message, StringComparison.Ordinal);

        file.AddedTokens.RemoveAt(16_385);
        file.AddedTokens.RemoveAt(16_384);
        Assert.Equal([260 + 777, 259], file.Load().EncodeWithSpecialTokens("<777>the"));
    }

    [Fact]
    public void Load_NoFile_SaysSo()
    {
        CheckpointException error = Assert.Throws<CheckpointException>(() => BloomTokenizer.Load("/no/such/tokenizer.json"));

        Assert.Contains("the file cannot be opened", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_VastFile_IsNotRead()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using FileStream file = new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, 1, FileOptions.DeleteOnClose);
        file.SetLength((128L << 20) + 1); // sparse

        Assert.Contains("at most 128 MiB", Assert.Throws<CheckpointException>(() => BloomTokenizer.Load(path)).Message, StringComparison.Ordinal);
    }

    private static void AssertRefused(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => TokenizerJsonBuilder.LoadText(text)).Message, StringComparison.Ordinal);

    private static JsonObject Step(string type) => new() { ["type"] = type };

    private static void Merge(TokenizerJsonBuilder file, JsonNode merge) => file.Model["merges"]!.AsArray().Add(merge);

    private static void Add(TokenizerJsonBuilder file, string content, int id, bool special = true, bool normalized = false) =>
        file.AddedTokens.Add(new JsonObject { ["content"] = content, ["id"] = id, ["special"] = special, ["normalized"] = normalized });
}
