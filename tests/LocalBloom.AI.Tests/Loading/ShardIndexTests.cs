using LocalBloom.AI.Loading;

namespace LocalBloom.AI.Tests.Loading;

public class ShardIndexTests
{
    private const string First = "model-00001-of-00002.safetensors";
    private const string Second = "model-00002-of-00002.safetensors";
    private const string IndexName = "model.safetensors.index.json";

    [Fact]
    public void Open_TwoShards_AreOneModel()
    {
        using TemporaryFolder folder = Sharded();
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal(17, checkpoint.Tensors.Count);
        Assert.Equal((First, Second), (checkpoint.Tensors["word_embeddings.weight"].File, checkpoint.Tensors["ln_f.bias"].File));
    }

    [Fact]
    public void Open_TwoPickleShards_AreOneModel()
    {
        using TemporaryFolder folder = new TemporaryFolder().Write("config.json", TinyModel.Config);
        List<TinyTensor> tensors = TinyModel.Tensors("");
        foreach ((string name, List<TinyTensor> part) in new[] { ("a.bin", tensors[..4]), ("b.bin", tensors[4..]) })
        {
            var writer = new TorchFileWriter();
            writer.AddStateDict(part);
            folder.Write(name, writer.ToBytes());
        }

        folder.Write("pytorch_model.bin.index.json", Index(tensors, i => i < 4 ? "a.bin" : "b.bin"));
        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal(("a.bin", "b.bin"), (checkpoint.Tensors["word_embeddings.weight"].File, checkpoint.Tensors["ln_f.bias"].File));
    }

    [Fact]
    public void Open_AbsentShard_NamesIndexAndShard()
    {
        TemporaryFolder folder = Sharded();
        File.Delete(folder.File(Second));

        AssertRefused(folder, $"{IndexName}: 1 of 2 listed files are absent: '{Second}'");
    }

    [Theory]
    [InlineData("../model.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/model.safetensors")]
    [InlineData("..\\\\model.safetensors")]
    [InlineData("C:model.safetensors")]
    [InlineData("..")]
    [InlineData("")]
    public void Open_ShardOutsideTheFolder_IsRefused(string shard) => AssertRefused(
        Sharded().Write(IndexName, Index(TinyModel.Tensors(), i => i == 0 ? shard : Second)),
        $"'{shard.Replace("\\\\", "\\", StringComparison.Ordinal)}' is refused");

    [Fact]
    public void Open_TensorInAnotherShard_NamesBoth()
    {
        TemporaryFolder folder = Sharded().Write(IndexName, Index(TinyModel.Tensors(), i => i < 3 ? First : Second));

        AssertRefused(
            folder,
            $"{IndexName}: 1 listed tensors are not in the file that the index names: 'transformer.h.0.input_layernorm.weight' in '{Second}'");
    }

    [Fact]
    public void Open_UnlistedTensor_IsSurplus()
    {
        List<TinyTensor> second = [.. TinyModel.Tensors()[4..], TinyTensor.Filled("transformer.word_embeddings.weight", [16, 8], 9)];

        AssertRefused(
            Sharded().Write(Second, new SafetensorsWriter(second).ToBytes()),
            $"1 surplus: 'transformer.word_embeddings.weight' in {Second} (not listed there by {IndexName})");
    }

    [Fact]
    public void Open_TruncatedShard_SaysBothSizes()
    {
        TemporaryFolder folder = Sharded();
        byte[] bytes = File.ReadAllBytes(folder.File(Second));

        AssertRefused(
            folder.Write(Second, bytes[..^7]),
            $"{Second}: the header promises {bytes.Length} bytes, but the file has {bytes.Length - 7}: it is truncated");
    }

    [Theory]
    [InlineData("{}", "weight_map is missing or no object")]
    [InlineData("""{"weight_map": {}}""", "weight_map is empty")]
    [InlineData("""{"weight_map": {"a": 1}}""", "the file of 'a' is no text")]
    [InlineData("""{"weight_map": {"a": "x", "a": "y"}}""", "the file has 'a' twice")]
    [InlineData("", "the file is empty")]
    public void Open_BrokenIndex_IsRefused(string index, string expected) =>
        AssertRefused(Sharded().Write(IndexName, index), $"{IndexName}: {expected}");

    private static TemporaryFolder Sharded()
    {
        List<TinyTensor> tensors = TinyModel.Tensors();
        return new TemporaryFolder().Write("config.json", TinyModel.Config)
            .Write(First, new SafetensorsWriter(tensors[..4]).ToBytes())
            .Write(Second, new SafetensorsWriter(tensors[4..]).ToBytes())
            .Write(IndexName, Index(tensors, i => i < 4 ? First : Second));
    }

    private static string Index(List<TinyTensor> tensors, Func<int, string> file)
    {
        string map = string.Join(", ", tensors.Select((tensor, i) => $"\"{tensor.Name}\": \"{file(i)}\""));
        return $$"""{"metadata": {"total_size": 1}, "weight_map": { {{map}} } }""";
    }

    private static void AssertRefused(TemporaryFolder folder, string expected) =>
        Assert.Contains(expected, TinyModel.Refusal(folder), StringComparison.Ordinal);
}
