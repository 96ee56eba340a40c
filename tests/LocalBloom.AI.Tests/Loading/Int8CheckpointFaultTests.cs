using LocalBloom.AI.Loading;
using LocalBloom.AI.Testing;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Loading;

/// <summary>Int8 checkpoints that somebody else made, or that were changed since.</summary>
public class Int8CheckpointFaultTests
{
    [Theory]
    [InlineData("""{"quant_method": "gptq", "bits": 4}""", "'gptq'")]
    [InlineData("""{"quant_method": "bitsandbytes", "load_in_8bit": true}""", "'bitsandbytes'")]
    [InlineData("""{"load_in_8bit": true}""", "quant_method")]
    [InlineData("""{"quant_method": "localbloom", "bits": 4}""", "bits is 4; expected 8")]
    [InlineData("""{"quant_method": "localbloom", "bits": 8, "scheme": "absmax_per_group"}""", "quantization_config.scheme is 'absmax_per_group'; expected 'absmax_per_row'")]
    [InlineData("""{"quant_method": "localbloom", "bits": 8, "scheme": 8}""", "scheme is '8'; expected a text")]
    [InlineData("""{"quant_method": "localbloom", "bits": 8, "modules_to_not_convert": ["mlp"]}""", "'mlp'")]
    [InlineData("""{"quant_method": "localbloom", "bits": 8}""", "5 missing: word_embeddings.weight_scale", "5 misshapen: transformer.word_embeddings.weight", "expected Int8")]
    public void OtherDeclarations_AreRefused(string declaration, params string[] parts)
    {
        TemporaryFolder folder = TinyModel.WithSafetensors(_ => { });
        folder.Write("config.json", TinyModel.Config.Replace("\"model_type\"", $"\"quantization_config\": {declaration}, \"model_type\"", StringComparison.Ordinal));

        string message = TinyModel.Refusal(folder);

        Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task WithoutDeclaration_SaysWhatIsMissing()
    {
        var folder = new TemporaryFolder();
        await BloomCheckpointTests.QuantizeAsync(folder.File("int8"));
        File.Copy(Path.Combine(Golden.Model("safetensors-f32"), "config.json"), Path.Combine(folder.File("int8"), "config.json"), overwrite: true);

        using (folder)
        {
            string message = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.File("int8")).Dispose()).Message;

            Assert.Contains("tensors are int8 ('transformer.", message, StringComparison.Ordinal);
            Assert.Contains("config.json has no quantization_config", message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(-1f, "-1 for row 3")]
    [InlineData(float.NaN, "NaN for row 3")]
    [InlineData(float.PositiveInfinity, "Infinity for row 3")]
    public async Task ScaleThatIsNone_IsRefused_WithFileAndTensor(float scale, string told)
    {
        using var folder = new TemporaryFolder();
        await BloomCheckpointTests.QuantizeAsync(folder.File("int8"));
        SetScale(folder.File("int8"), "h.0.mlp.dense_4h_to_h.weight_scale", row: 3, scale);
        var options = new BloomChatClientOptions { Model = folder.File("int8") };

        var error = Assert.Throws<CheckpointException>(() => new TestModel(options).Dispose());
        options.WeightFormat = BloomWeightFormat.Dense;
        var dense = Assert.Throws<CheckpointException>(() => new TestModel(options).Dispose());

        Assert.Equal(
            $"{Path.Combine(folder.File("int8"), "model.safetensors")}: tensor 'h.0.mlp.dense_4h_to_h.weight_scale' has {told}; " +
            "expected a finite scale of zero or more. Quantise the original checkpoint again.",
            error.Message);
        Assert.Equal(error.Message, dense.Message);
    }

    [Fact]
    public async Task ScaleOfZero_IsThatOfARowOfZeros()
    {
        using var folder = new TemporaryFolder();
        await BloomCheckpointTests.QuantizeAsync(folder.File("int8"));
        SetScale(folder.File("int8"), "h.0.mlp.dense_4h_to_h.weight_scale", row: 3, 0);

        using var model = new TestModel(new BloomChatClientOptions { Model = folder.File("int8") });

        Assert.All(model.LastLogits([5, 6, 7]), logit => Assert.True(float.IsFinite(logit)));
    }

    private static unsafe void SetScale(string folder, string name, int row, float scale)
    {
        string path = Path.Combine(folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        using (Checkpoint checkpoint = Checkpoint.Open(folder))
        {
            CheckpointTensor tensor = checkpoint.Tensors[name];
            Assert.Equal(ScalarType.Float32, tensor.Type);
            int at = bytes.AsSpan().IndexOf(new ReadOnlySpan<byte>((void*)tensor.Address, (int)tensor.ByteCount));
            BitConverter.GetBytes(scale).CopyTo(bytes, at + (row * sizeof(float)));
        }

        File.WriteAllBytes(path, bytes);
    }
}
