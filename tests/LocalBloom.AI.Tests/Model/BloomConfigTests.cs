using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Tests.Loading;
using TorchSharp;

namespace LocalBloom.AI.Tests.Model;

public class BloomConfigTests
{
    private const string Rest = "\"vocab_size\": 16, \"n_layer\": 1, \"n_head\": 2";

    [Fact]
    public void Read_OriginalKeys_GivesTheShape()
    {
        BloomConfig config = BloomConfigReader.Read(Golden.Model("bin-f16-noprefix"));

        Assert.Equal((4096, 64, 4, 8), (config.VocabularySize, config.HiddenSize, config.LayerCount, config.HeadCount));
        Assert.Equal((8, 256, 1e-6, 2048), (config.HeadDim, config.InnerSize, config.LayerNormEpsilon, config.MaxContextTokens));
        Assert.Equal((false, true, torch.ScalarType.Float16), (config.ResidualAfterNorm, config.TieWordEmbeddings, config.DeclaredType));
        Assert.Equal((1, 3), (config.BosTokenId, config.PadTokenId));
        Assert.Equal([2], config.EosTokenIds);
    }

    [Fact]
    public void Read_TodaysKeys_GivesTheShape()
    {
        BloomConfig config = BloomConfigReader.Read(Golden.Model("sharded-bf16-6heads-postln"));

        Assert.Equal((4096, 96, 3, 6), (config.VocabularySize, config.HiddenSize, config.LayerCount, config.HeadCount));
        Assert.Equal((16, 384, true, torch.ScalarType.BFloat16), (config.HeadDim, config.InnerSize, config.ResidualAfterNorm, config.DeclaredType));
        Assert.Null(config.MaxContextTokens);
        Assert.Empty(config.Notes);
    }

    [Theory]
    [InlineData("2", null, new[] { 2 })]
    [InlineData("[2, 5]", null, new[] { 2, 5 })]
    [InlineData("null", null, new int[0])]
    [InlineData(null, null, new[] { 2 })]
    [InlineData("2", "7", new[] { 7 })]
    [InlineData("2", "[7, 3]", new[] { 7, 3 })]
    [InlineData("2", "null", new int[0])]
    [InlineData("5", "", new[] { 5 })]
    public void Read_EosTokens_GenerationConfigWins(string? inConfig, string? inGeneration, int[] expected)
    {
        using var folder = new TemporaryFolder();
        string eos = inConfig is null ? "" : $", \"eos_token_id\": {inConfig}";
        folder.Write("config.json", $$"""{"model_type": "bloom", "hidden_size": 8, {{Rest}}{{eos}}}""");
        if (inGeneration is not null)
        {
            folder.Write("generation_config.json", inGeneration.Length == 0 ? "{}" : $$"""{"eos_token_id": {{inGeneration}}}""");
        }

        Assert.Equal(expected, BloomConfigReader.Read(folder.Path).EosTokenIds);
    }

    [Fact]
    public void Read_OptionalFields_AreHonoured()
    {
        BloomConfig config = Read(
            $$"""
            {"architectures": ["BloomForCausalLM"], "hidden_size": 8, "n_embed": 8, {{Rest}}, "num_attention_heads": 2, "n_inner": 24,
             "tie_word_embeddings": false, "slow_but_exact": true, "pretraining_tp": 4, "bos_token_id": null, "torch_dtype": "bfloat16"}
            """);

        Assert.Equal((24, false, null, null), (config.InnerSize, config.TieWordEmbeddings, config.BosTokenId, config.PadTokenId));
        Assert.Contains("slow_but_exact is ignored", Assert.Single(config.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_ByteOrderMark_IsSkipped() => Assert.Equal(8, Read("\uFEFF" + TinyModel.Config).HiddenSize);

    [Theory]
    [InlineData("""{"model_type": "llama"}""", "model_type is 'llama'; expected 'bloom'")]
    [InlineData("""{"architectures": ["GPT2LMHeadModel"]}""", "model_type is missing and architectures is 'GPT2LMHeadModel'")]
    [InlineData("{}", "model_type is missing")]
    [InlineData("""{"model_type": 3}""", "model_type is '3'; expected a text")]
    [InlineData("""{"model_type": "bloom", "architectures": [1], "hidden_size": 8}""", "vocab_size is missing")]
    [InlineData("""{"model_type": "bloom", "vocab_size": 16}""", "hidden_size or n_embed is missing")]
    [InlineData("""{"model_type": "bloom", "hidden_size": 8, "n_embed": 16, "vocab_size": 16}""", "hidden_size is 8 but n_embed is 16")]
    [InlineData("""{"model_type": "bloom", "hidden_size": "8", "vocab_size": 16}""", "hidden_size is '\"8\"'; expected a whole number")]
    [InlineData("""{"model_type": "bloom", "hidden_size": 8.5, "vocab_size": 16}""", "hidden_size is '8.5'; expected a whole number")]
    [InlineData("""{"model_type": "bloom", "hidden_size": 99999999999, "vocab_size": 16}""", "expected a whole number")]
    [InlineData("""{"model_type": "bloom", "quantization_config": {}}""", "quantized")]
    [InlineData("[1]", "holds a JSON Array; expected an object")]
    [InlineData("{nonsense", "not valid JSON")]
    [InlineData("""{"model_type": "bloom", "model_type": "bloom"}""", "the file has 'model_type' twice")]
    [InlineData("""{"model_type": "\ud800"}""", "not valid JSON")]
    public void Read_UnusableFile_SaysWhy(string json, string expected) => AssertRefused(json, expected);

    [Theory]
    [InlineData("\"hidden_size\": 0", "hidden_size is 0; expected 1 to 131072")]
    [InlineData("\"hidden_size\": -8", "hidden_size is -8")]
    [InlineData("\"hidden_size\": 9", "hidden_size is 9, which 2 heads (n_head) do not divide")]
    [InlineData("\"hidden_size\": 1048576", "hidden_size is 1048576")]
    [InlineData("\"hidden_size\": 8, \"num_hidden_layers\": 2", "n_layer is 1 but num_hidden_layers is 2")]
    [InlineData("\"hidden_size\": 8, \"n_inner\": 0", "n_inner is 0")]
    [InlineData("\"hidden_size\": 8, \"layer_norm_epsilon\": -1e-5", "layer_norm_epsilon is -1E-05")]
    [InlineData("\"hidden_size\": 8, \"layer_norm_epsilon\": 1e999", "layer_norm_epsilon is ")]
    [InlineData("\"hidden_size\": 8, \"layer_norm_epsilon\": NaN", "not valid JSON")]
    [InlineData("\"hidden_size\": 8, \"layer_norm_epsilon\": \"NaN\"", "layer_norm_epsilon is '\"NaN\"'; expected a number")]
    [InlineData("\"hidden_size\": 8, \"tie_word_embeddings\": 1", "tie_word_embeddings is '1'; expected true or false")]
    [InlineData("\"hidden_size\": 8, \"dtype\": \"int8\"", "dtype is '\"int8\"'; expected float32, float16 or bfloat16")]
    [InlineData("\"hidden_size\": 8, \"dtype\": \"float16\", \"torch_dtype\": \"float32\"", "dtype is Float16 but torch_dtype is Float32")]
    [InlineData("\"hidden_size\": 8, \"seq_length\": 0", "seq_length is 0")]
    [InlineData("\"hidden_size\": 8, \"seq_length\": 4, \"n_positions\": 5", "seq_length is 4 but n_positions is 5")]
    [InlineData("\"hidden_size\": 8, \"eos_token_id\": 16", "eos_token_id is 16; expected a token below the vocabulary's 16")]
    [InlineData("\"hidden_size\": 8, \"eos_token_id\": \"</s>\"", "expected a token id or a list of them")]
    [InlineData("\"hidden_size\": 8, \"pad_token_id\": -1", "pad_token_id is -1")]
    public void Read_UnusableField_NamesIt(string fields, string expected) =>
        AssertRefused($$"""{"model_type": "bloom", {{Rest}}, {{fields}}}""", expected);

    [Fact]
    public void Read_HugeFile_IsRefusedUnread() => AssertRefused(new string(' ', (1 << 20) + 1), "expected 1048576 at most");

    [Fact]
    public void Read_NoFile_NamesIt()
    {
        using var folder = new TemporaryFolder();
        string message = Assert.Throws<CheckpointException>(() => BloomConfigReader.Read(folder.Path)).Message;

        Assert.Contains("config.json: the file cannot be opened", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_BadGenerationConfig_NamesThatFile()
    {
        using TemporaryFolder folder = new TemporaryFolder().Write("config.json", TinyModel.Config);
        folder.Write("generation_config.json", """{"eos_token_id": 99}""");

        string message = Assert.Throws<CheckpointException>(() => BloomConfigReader.Read(folder.Path)).Message;

        Assert.Contains("generation_config.json: eos_token_id is 99", message, StringComparison.Ordinal);
    }

    // The sizes that the models are named after, from their shapes.
    [Theory]
    [InlineData("560m", 559_214_592)]
    [InlineData("1b1", 1_065_314_304)]
    [InlineData("1b7", 1_722_408_960)]
    [InlineData("3b", 3_002_557_440)]
    [InlineData("7b1", 7_069_016_064)]
    [InlineData("176B", 176_247_271_424)]
    public void ForShape_PublishedSizes_HaveTheirParameters(string shape, long parameters)
    {
        BloomConfig config = BloomConfig.ForShape(shape);

        Assert.Equal(parameters, CheckpointLayout.Shapes(config).Values.Sum(sizes => sizes.Aggregate(1L, (product, size) => product * size)));
        Assert.Equal((1, 3, 250_880), (config.BosTokenId, config.PadTokenId, config.VocabularySize));
        Assert.Equal([2], config.EosTokenIds);
    }

    [Fact]
    public void ForShape_FourNumbers_MakeAModel()
    {
        BloomConfig config = BloomConfig.ForShape("2, 96, 6, 512");

        Assert.Equal((2, 96, 6, 512), (config.LayerCount, config.HiddenSize, config.HeadCount, config.VocabularySize));
    }

    [Theory]
    [InlineData("13b", "Use 560m, 1b1, 1b7, 3b, 7b1, 176b, or four numbers")]
    [InlineData("", "or four numbers")]
    [InlineData("1,2,3", "or four numbers")]
    [InlineData("1,x,2,16", "or four numbers")]
    [InlineData("2,10,4,16", "4 heads (n_head) do not divide")]
    [InlineData("2,8,0,16", "n_head is 0")]
    [InlineData("2,8,2,2", "pad_token_id is 3")]
    public void ForShape_Unusable_SaysWhatIsKnown(string shape, string expected) =>
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => BloomConfig.ForShape(shape)).Message, StringComparison.Ordinal);

    private static BloomConfig Read(string json)
    {
        using TemporaryFolder folder = new TemporaryFolder().Write("config.json", json);
        return BloomConfigReader.Read(folder.Path);
    }

    private static void AssertRefused(string json, string expected)
    {
        string message = Assert.Throws<CheckpointException>(() => Read(json)).Message;
        Assert.Contains("config.json: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }
}
