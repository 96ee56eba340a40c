using System.IO.Compression;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Testing;
using TorchSharp;

namespace LocalBloom.AI.Tests.Loading;

public class CheckpointTests
{
    public static TheoryData<string, int, torch.ScalarType, long, double, double> GoldenModels => new()
    {
        // name, layers, type, hidden, and the first and last embedding value, read from the files with Python's struct
        { "safetensors-f32", 2, torch.ScalarType.Float32, 64, -1.102948784828186, -0.6981890201568604 },
        { "safetensors-f16-stops", 2, torch.ScalarType.Float16, 64, -1.1025390625, -0.6982421875 },
        { "bin-f16-noprefix", 4, torch.ScalarType.Float16, 64, 1.78515625, -0.80517578125 },
    };

    [Theory]
    [MemberData(nameof(GoldenModels))]
    public void Open_GoldenModel_GivesEveryTensorInPlace(string name, int layers, torch.ScalarType type, long hidden, double first, double last)
    {
        using Checkpoint checkpoint = Checkpoint.Open(Golden.Model(name));

        Assert.Equal(layers, checkpoint.Config.LayerCount);
        Assert.Equal(5 + (12 * layers), checkpoint.Tensors.Count);
        Assert.All(checkpoint.Tensors, pair => Assert.Equal((pair.Key, type), (pair.Value.Name, pair.Value.Type)));
        Assert.All(checkpoint.Tensors.Values, tensor => Assert.True(tensor.IsContiguous && tensor.IsAligned));
        Assert.Equal([3 * hidden, hidden], checkpoint.Tensors["h.1.self_attention.query_key_value.weight"].Shape);
        Assert.Equal([hidden, 1], checkpoint.Tensors["h.1.self_attention.query_key_value.weight"].Strides);
        CheckpointTensor embeddings = checkpoint.Tensors["word_embeddings.weight"];
        Assert.Equal(first, Value(embeddings, 0), 1e-12);
        Assert.Equal(last, Value(embeddings, embeddings.ElementCount - 1), 1e-12);
        Assert.Equal(Path.Combine(Golden.Model(name), "tokenizer.json"), checkpoint.TokenizerPath);
        Assert.Empty(checkpoint.Notes);
    }

    [Fact]
    public void Open_Shards_TakesEachTensorFromItsFile()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Golden.Model("sharded-bf16-6heads-postln"));

        Assert.Equal(1_458_240, checkpoint.TotalBytes); // metadata.total_size of the index
        Assert.Equal("model-00001-of-00003.safetensors", checkpoint.Tensors["word_embeddings.weight"].File);
        CheckpointTensor down = checkpoint.Tensors["h.2.mlp.dense_4h_to_h.weight"];
        Assert.Equal("model-00003-of-00003.safetensors", down.File);
        Assert.Equal([96, 384], down.Shape);
        Assert.Equal(0.1005859375, Value(down, 0));
        Assert.Equal(-0.0732421875, Value(down, down.ElementCount - 1));
    }

    [Fact]
    public void Open_Pickle_GivesTheBytesOfItsZipEntries()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Golden.Model("bin-f16-noprefix"));
        using ZipArchive zip = ZipFile.OpenRead(Path.Combine(Golden.Model("bin-f16-noprefix"), "pytorch_model.bin"));

        var storages = zip.Entries
            .Where(entry => entry.FullName.Contains("/data/", StringComparison.Ordinal))
            .OrderBy(entry => int.Parse(entry.Name, System.Globalization.CultureInfo.InvariantCulture));
        var tensors = CheckpointLayout.Shapes(checkpoint.Config).Keys.Select(name => checkpoint.Tensors[name]); // modules are saved in this order
        Assert.All(storages.Zip(tensors), pair =>
        {
            using Stream stream = pair.First.Open();
            var bytes = new byte[pair.First.Length];
            stream.ReadExactly(bytes);
            Assert.True(bytes.AsSpan().SequenceEqual(Bytes(pair.Second)), pair.Second.Name);
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Open_SameModelInBothFormats_GivesTheSameBytes(bool zip64)
    {
        using Checkpoint expected = Checkpoint.Open(Golden.Model("safetensors-f32"));
        using var folder = new TemporaryFolder();
        var writer = new TorchFileWriter { Zip64 = zip64 };
        writer.AddStateDict([.. expected.Tensors.Values.Select(tensor => new TinyTensor(tensor.Name, [.. tensor.Shape], Bytes(tensor).ToArray()))]);
        folder.Write("pytorch_model.bin", writer.ToBytes());
        File.Copy(Path.Combine(Golden.Model("safetensors-f32"), "config.json"), folder.File("config.json"));

        using Checkpoint found = Checkpoint.Open(folder.Path);

        Assert.Equal(expected.Tensors.Keys.Order(), found.Tensors.Keys.Order());
        Assert.All(found.Tensors.Values, tensor => Assert.True(Bytes(tensor).SequenceEqual(Bytes(expected.Tensors[tensor.Name])), tensor.Name));
    }

    [Fact]
    public void Open_BothFormats_PrefersOneSafetensorsFile()
    {
        using TemporaryFolder folder = TinyModel.WithPickle(_ => { });
        folder.Write("model.safetensors", new SafetensorsWriter(TinyModel.Tensors("")).ToBytes());
        folder.Write("model.safetensors.index.json", "{}");

        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        Assert.All(checkpoint.Tensors.Values, tensor => Assert.Equal("model.safetensors", tensor.File));
    }

    [Fact]
    public void Open_UntiedHead_IsATensor()
    {
        using TemporaryFolder folder = TinyModel.WithSafetensors(writer => writer.Tensors.Add(TinyTensor.Filled("lm_head.weight", [16, 8], 1)));
        folder.Write("config.json", Untied);

        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal([16, 8], checkpoint.Tensors["lm_head.weight"].Shape);
        Assert.Empty(checkpoint.Notes);
    }

    [Fact]
    public void Open_TiedHeadInTheFile_IsIgnoredWithANote()
    {
        using TemporaryFolder folder = TinyModel.WithSafetensors(writer => writer.Tensors.Add(TinyTensor.Filled("lm_head.weight", [16, 8], 1)));

        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        Assert.DoesNotContain("lm_head.weight", checkpoint.Tensors.Keys);
        Assert.Contains("lm_head.weight in model.safetensors is ignored", Assert.Single(checkpoint.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_DeclaredTypeDiffers_IsNoted()
    {
        using TemporaryFolder folder = TinyModel.WithSafetensors(_ => { });
        folder.Write("config.json", TinyModel.Config.Replace("\"n_layer\"", "\"dtype\": \"float16\", \"n_layer\"", StringComparison.Ordinal));

        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal("config.json declares Float16, but the weights are stored as Float32.", Assert.Single(checkpoint.Notes));
    }

    [Fact]
    public void Open_UntiedHeadMissing_IsRefused()
    {
        TemporaryFolder folder = TinyModel.WithSafetensors(_ => { }).Write("config.json", Untied);

        Assert.Contains("1 missing: lm_head.weight", TinyModel.Refusal(folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_MissingSurplusAndMisshapen_AreListedTogether()
    {
        string message = TinyModel.Refusal(TinyModel.WithSafetensors(writer =>
        {
            writer.Tensors.RemoveAll(tensor => tensor.Name is "transformer.ln_f.bias");
            writer.Tensors.Add(TinyTensor.Filled("transformer.h.1.ln.weight", [8], 1));
            writer.Tensors[0] = TinyTensor.Filled("transformer.word_embeddings.weight", [15, 8], 1);
        }));

        Assert.Contains("1 missing: ln_f.bias; ", message, StringComparison.Ordinal);
        Assert.Contains("1 surplus: 'transformer.h.1.ln.weight' in model.safetensors; ", message, StringComparison.Ordinal);
        Assert.Contains(
            "1 misshapen: transformer.word_embeddings.weight in model.safetensors is [15, 8], expected [16, 8].", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_ManyMissing_AreCounted()
    {
        string message = TinyModel.Refusal(TinyModel.WithSafetensors(writer => writer.Tensors.RemoveRange(1, 16)));

        Assert.Contains("16 missing: word_embeddings_layernorm.weight, ", message, StringComparison.Ordinal);
        Assert.EndsWith("h.0.mlp.dense_h_to_4h.bias, and 4 more.", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NameWithAndWithoutPrefix_IsRefused() => Assert.Contains(
        "a tensor is there twice: 'transformer.ln_f.bias' and 'ln_f.bias' (in model.safetensors)",
        TinyModel.Refusal(TinyModel.WithSafetensors(writer => writer.Tensors.Add(TinyTensor.Filled("ln_f.bias", [8], 1)))),
        StringComparison.Ordinal);

    [Fact]
    public void Open_MixedNames_AreRefused() => Assert.Contains(
        "some names begin with 'transformer.' (transformer.word_embeddings.weight) and others do not (ln_f.bias)",
        TinyModel.Refusal(TinyModel.WithSafetensors(writer => writer.Tensors[^1] = TinyTensor.Filled("ln_f.bias", [8], 1))),
        StringComparison.Ordinal);

    [Fact]
    public void Open_NoFolder_SaysSo() => Assert.Contains(
        "no such folder", Assert.Throws<CheckpointException>(() => Checkpoint.Open("/nowhere/at/all")).Message, StringComparison.Ordinal);

    [Fact]
    public void Open_NoWeights_ListsTheNames() => Assert.Contains(
        "expected one of model.safetensors, model.safetensors.index.json, pytorch_model.bin, pytorch_model.bin.index.json",
        TinyModel.Refusal(new TemporaryFolder().Write("config.json", TinyModel.Config)),
        StringComparison.Ordinal);

    [Fact]
    public void Open_RefusedOrDisposed_LeavesNothingMapped()
    {
        using TemporaryFolder folder = TinyModel.WithSafetensors(writer => writer.Tensors.RemoveAt(0));
        Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));

        // On Windows an open file cannot be replaced; on Linux the process's maps tell.
        folder.Write("model.safetensors", new SafetensorsWriter(TinyModel.Tensors()).ToBytes());
        Checkpoint.Open(folder.Path).Dispose();
        if (OperatingSystem.IsLinux())
        {
            Assert.DoesNotContain(folder.Path, File.ReadAllText("/proc/self/maps"), StringComparison.Ordinal);
        }
    }

    private static string Untied => TinyModel.Config.Replace("\"n_layer\"", "\"tie_word_embeddings\": false, \"n_layer\"", StringComparison.Ordinal);

    private static unsafe ReadOnlySpan<byte> Bytes(CheckpointTensor tensor) => new((void*)tensor.Address, (int)tensor.ByteCount);

    private static double Value(CheckpointTensor tensor, long index)
    {
        ReadOnlySpan<byte> bytes = Bytes(tensor)[(int)(index * tensor.ElementSize)..];
        return tensor.Type switch
        {
            torch.ScalarType.Float32 => BitConverter.ToSingle(bytes),
            torch.ScalarType.Float16 => (double)BitConverter.ToHalf(bytes),
            _ => BitConverter.Int32BitsToSingle(BitConverter.ToUInt16(bytes) << 16),
        };
    }
}
