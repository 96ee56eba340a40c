using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using LocalBloom.AI.Engine;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Native;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Weights;
using Microsoft.Extensions.Options;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Loading;

public class BloomCheckpointTests
{
    private static readonly TorchNative s_torch = TorchNative.Load(null);

    [Theory]
    [InlineData("safetensors-f32", BloomNumberType.Auto)]
    [InlineData("bin-f16-noprefix", BloomNumberType.Auto)]
    [InlineData("sharded-bf16-6heads-postln", BloomNumberType.Auto)]
    [InlineData("safetensors-f32", BloomNumberType.Float16)]
    public async Task Quantized_GivesTheLogitsOfQuantizingWhileLoading(string name, BloomNumberType type)
    {
        using var folder = new TemporaryFolder();
        var original = new BloomChatClientOptions { Model = Golden.Model(name), NumberType = type, WeightFormat = BloomWeightFormat.Int8 };
        await BloomCheckpoint.QuantizeAsync(original, folder.Path, cancellationToken: TestContext.Current.CancellationToken);
        int[] ids = [.. Golden.Read(Golden.Model(name)).Cases[0].Ids];

        using var loaded = new TestModel(new BloomChatClientOptions { Model = folder.Path });
        using var expected = new TestModel(original);
        using var dense = new TestModel(new BloomChatClientOptions { Model = folder.Path, WeightFormat = BloomWeightFormat.Dense });

        Assert.True(loaded.Loaded.Plan.Footprint.Format.IsInt8);
        Assert.False(dense.Loaded.Plan.Footprint.Format.IsInt8);
        Assert.Equal(expected.Loaded.Plan.Footprint.Type, loaded.Loaded.Plan.Footprint.Type);
        Assert.Equal(expected.LastLogits(ids), loaded.LastLogits(ids));
        float[] logits = loaded.LastLogits(ids);
        Assert.All(logits.Zip(dense.LastLogits(ids)), pair => Assert.Equal(pair.First, pair.Second, 0.1 * logits.Max(Math.Abs)));
    }

    [Fact]
    public async Task UntiedHead_IsQuantized_AndLoaded()
    {
        using TemporaryFolder untied = WithUntiedHead();
        using var folder = new TemporaryFolder();
        var original = new BloomChatClientOptions { Model = untied.Path, WeightFormat = BloomWeightFormat.Int8 };
        await BloomCheckpoint.QuantizeAsync(original, folder.Path, cancellationToken: TestContext.Current.CancellationToken);

        using (Checkpoint checkpoint = Checkpoint.Open(folder.Path))
        {
            Assert.Equal(ScalarType.Int8, checkpoint.Tensors["lm_head.weight"].Type);
            Assert.Contains("lm_head.weight_scale", checkpoint.Tensors.Keys);
            Assert.Empty(checkpoint.Notes);
        }

        using var loaded = new TestModel(new BloomChatClientOptions { Model = folder.Path });
        using var expected = new TestModel(original);
        using var tied = new TestModel(new BloomChatClientOptions { Model = Golden.Model("safetensors-f32"), WeightFormat = BloomWeightFormat.Int8 });
        Assert.Equal(expected.LastLogits([5, 6, 7]), loaded.LastLogits([5, 6, 7]));
        Assert.NotEqual(tied.LastLogits([5, 6, 7]), loaded.LastLogits([5, 6, 7]));
    }

    [Fact]
    public async Task SkippedModules_StayNumbers_AndOthersCannotBeAskedForLater()
    {
        using var folder = new TemporaryFolder();
        var options = new BloomChatClientOptions { Model = Golden.Model("safetensors-f32"), WeightFormat = BloomWeightFormat.Int8, Int8SkipModules = ["lm_head", "mlp.dense_4h_to_h"] };
        await BloomCheckpoint.QuantizeAsync(options, folder.Path, cancellationToken: TestContext.Current.CancellationToken);

        using (Checkpoint checkpoint = Checkpoint.Open(folder.Path))
        {
            Assert.Equal(ScalarType.Float32, checkpoint.Tensors["word_embeddings.weight"].Type);
            Assert.Equal(ScalarType.Float32, checkpoint.Tensors["h.0.mlp.dense_4h_to_h.weight"].Type);
            Assert.Equal(ScalarType.Int8, checkpoint.Tensors["h.0.mlp.dense_h_to_4h.weight"].Type);
            Assert.All(checkpoint.Tensors.Values, tensor => Assert.True(tensor.IsAligned));
            Assert.Empty(checkpoint.Notes);
        }

        var other = new BloomChatClientOptions { Model = folder.Path, WeightFormat = BloomWeightFormat.Int8, Int8SkipModules = ["self_attention.dense"] };
        var error = Assert.Throws<PlacementException>(() => new TestModel(other).Dispose());
        Assert.Contains("Remove Int8SkipModules", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SeveralFiles_HaveAnIndex_AndTheSameBits()
    {
        using var several = new TemporaryFolder();
        using var source = new CheckpointWeights(Checkpoint.Open(Golden.Model("safetensors-f32")), s_torch);
        var options = new BloomChatClientOptions { WeightFormat = BloomWeightFormat.Int8 };
        WeightFormat format = WeightFormatChoice.Choose(options, source.Config, source.StoredType);
        new Int8CheckpointWriter(source, format, several.Path, progress: null, TestContext.Current.CancellationToken) { MaxFileBytes = 20_000 }.Write();
        File.WriteAllText(several.File("config.json"), File.ReadAllText(Path.Combine(Golden.Model("safetensors-f32"), "config.json"))
            .Replace("\"model_type\"", "\"quantization_config\": {\"quant_method\": \"localbloom\", \"bits\": 8}, \"model_type\"", StringComparison.Ordinal));

        Assert.True(Directory.GetFiles(several.Path, "*.safetensors").Length > 2);
        using DisposeScope scope = NewDisposeScope();
        using IWeightSource read = new CheckpointWeights(Checkpoint.Open(several.Path), s_torch);
        const string Name = "h.0.mlp.dense_4h_to_h.weight";
        Tensor original = Whole(source, Name);
        (Tensor data, Tensor scales) = (empty(original.shape, ScalarType.Int8), empty(original.shape[0]));
        (Tensor wanted, Tensor wantedScales) = (empty_like(data), empty_like(scales));
        Int8Quantizer.Quantize(original, wanted, wantedScales);

        Assert.True(read.TryFillInt8(Name, data, scales, TestContext.Current.CancellationToken));
        Assert.Equal(wanted.data<sbyte>().ToArray(), data.data<sbyte>().ToArray());
        Assert.Equal(wantedScales.data<float>().ToArray(), scales.data<float>().ToArray());
        Assert.Equal((wanted.to_type(ScalarType.Float32) * wantedScales.unsqueeze(1)).data<float>().ToArray(), Whole(read, Name).data<float>().ToArray());
    }

    [Fact]
    public async Task FullFolder_IsLeftAlone()
    {
        using var folder = new TemporaryFolder();
        folder.Write("mine.txt", "mine");

        var error = await Assert.ThrowsAsync<IOException>(() =>
            BloomCheckpoint.QuantizeAsync(new() { Model = Golden.Model("safetensors-f32") }, folder.Path, cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("not empty", error.Message, StringComparison.Ordinal);
        Assert.Equal([folder.File("mine.txt")], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Cancelled_LeavesNothing()
    {
        using var folder = new TemporaryFolder();
        using var cancellation = new CancellationTokenSource();
        string target = folder.File("int8");

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => BloomCheckpoint.QuantizeAsync(
            new() { Model = Golden.Model("safetensors-f32") }, target, new Calling(cancellation.Cancel), cancellation.Token));

        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task SeveralAtOnce_OneWrites_AndTheOthersAreTold()
    {
        using var folder = new TemporaryFolder();
        for (int round = 0; round < 5; round++)
        {
            string target = folder.File($"int8-{round}");
            Task<Exception?>[] calls = [.. Enumerable.Range(0, 6).Select(_ => Record.ExceptionAsync(() => BloomCheckpoint.QuantizeAsync(
                new() { Model = Golden.Model("safetensors-f32") }, target, cancellationToken: TestContext.Current.CancellationToken)).AsTask())];
            Exception?[] errors = await Task.WhenAll(calls);

            Assert.Single(errors, error => error is null);
            Assert.All(errors.OfType<Exception>(), error => Assert.Contains("is there already, and not empty", Assert.IsType<IOException>(error).Message, StringComparison.Ordinal));
            Assert.False(Directory.Exists(target + ".partial"));
            Checkpoint.Open(target).Dispose();
        }
    }

    [Fact]
    public async Task SecondCall_WhileOneWrites_LeavesItAlone()
    {
        using var folder = new TemporaryFolder();
        string target = folder.File("int8");
        var options = new BloomChatClientOptions { Model = Golden.Model("safetensors-f32") };
        Exception? second = null;
        var meanwhile = new Calling(() => second ??= Record.ExceptionAsync(() => BloomCheckpoint.QuantizeAsync(options, target, cancellationToken: TestContext.Current.CancellationToken)).AsTask().GetAwaiter().GetResult());

        await BloomCheckpoint.QuantizeAsync(options, target, meanwhile, TestContext.Current.CancellationToken);

        string message = Assert.IsType<IOException>(second).Message;
        Assert.Equal($"{target}.partial is there already, and not empty: another call is writing it, or one that was killed has left it. Wait for the other, or remove that folder.", message);
        Checkpoint.Open(target).Dispose();
        Assert.Equal([target], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task FailingProgress_IsWhatIsReported_EvenWhereNothingCanBeRemoved()
    {
        using var folder = new TemporaryFolder();
        string target = folder.File("int8");
        var failing = new Calling(() =>
        {
            Directory.Delete(target + ".partial", recursive: true);
            throw new InvalidOperationException("mine");
        });

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => BloomCheckpoint.QuantizeAsync(
            new() { Model = Golden.Model("safetensors-f32") }, target, failing, TestContext.Current.CancellationToken));

        Assert.Equal("mine", error.Message);
    }

    [Fact]
    public async Task OptionsThatCannotBeHonoured_AreRefusedByName()
    {
        using var folder = new TemporaryFolder();
        BloomChatClientOptions Options() => new() { Model = Golden.Model("safetensors-f32") };
        BloomChatClientOptions dense = Options(), nowhere = Options();
        dense.WeightFormat = BloomWeightFormat.Dense;
        nowhere.Devices = null!;

        var isDense = await Assert.ThrowsAsync<OptionsValidationException>(() => BloomCheckpoint.QuantizeAsync(dense, folder.Path, cancellationToken: TestContext.Current.CancellationToken));
        var isNowhere = await Assert.ThrowsAsync<OptionsValidationException>(() => BloomCheckpoint.QuantizeAsync(nowhere, folder.Path, cancellationToken: TestContext.Current.CancellationToken));

        Assert.Equal("Property WeightFormat: It is Dense, but what is written has int8 matrices. Leave it at Auto, or set it to Int8.", isDense.Message);
        Assert.Contains("Devices is null", isNowhere.Message, StringComparison.Ordinal);
    }

    // What the documentation says of them.
    [Fact]
    public async Task OptionsOfRunning_ChangeNoByte_ButTheSchemeSaysWhatIsSkipped()
    {
        using var folder = new TemporaryFolder();
        BloomChatClientOptions Options() => new() { Model = Golden.Model("safetensors-f32") };
        BloomChatClientOptions running = Options(), scheme = Options();
        (running.Strategy, running.Devices, running.MemoryLimit, running.MaxContextTokens) = (BloomStrategy.LayerSplit, ["cuda:0", "cuda:1"], "1GB", 64);
        (scheme.Int8Scheme, scheme.Int8Threshold) = (BloomInt8Scheme.LlmInt8, 3);

        foreach ((string name, BloomChatClientOptions options) in ((string, BloomChatClientOptions)[])[("plain", Options()), ("running", running), ("scheme", scheme)])
        {
            await BloomCheckpoint.QuantizeAsync(options, folder.File(name), cancellationToken: TestContext.Current.CancellationToken);
        }

        Assert.All(Directory.GetFiles(folder.File("plain")), file =>
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(folder.File("running"), Path.GetFileName(file)))));
        using Checkpoint skipped = Checkpoint.Open(folder.File("scheme"));
        Assert.Equal(ScalarType.Float32, skipped.Tensors["word_embeddings.weight"].Type);
        Assert.Equal(ScalarType.Int8, skipped.Tensors["h.0.mlp.dense_4h_to_h.weight"].Type);
    }

    [Fact]
    public async Task Int8Already_IsRefused()
    {
        using var folder = new TemporaryFolder();
        await BloomCheckpoint.QuantizeAsync(
            new() { Model = Golden.Model("safetensors-f32") }, folder.File("once"), cancellationToken: TestContext.Current.CancellationToken);

        var error = await Assert.ThrowsAsync<CheckpointException>(() => BloomCheckpoint.QuantizeAsync(
            new() { Model = folder.File("once") }, folder.File("twice"), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("int8 already", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("twice")));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public async Task WeightThatIsNoNumber_IsNotWritten(float weight)
    {
        using TemporaryFolder model = TinyModel.WithSafetensors(writer =>
        {
            int dense = writer.Tensors.FindIndex(tensor => tensor.Name.EndsWith("self_attention.dense.weight", StringComparison.Ordinal));
            BitConverter.GetBytes(weight).CopyTo(writer.Tensors[dense].Bytes, sizeof(float) * 8 * 2); // the first of row 2
        });
        using var folder = new TemporaryFolder();

        var error = await Assert.ThrowsAsync<LocalBloomException>(() => BloomCheckpoint.QuantizeAsync(
            new() { Model = model.Path }, folder.File("int8"), cancellationToken: TestContext.Current.CancellationToken));

        Assert.StartsWith("Row 2 of h.0.self_attention.dense.weight has a weight that is no finite number", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    /// <summary>Makes an int8 checkpoint of a reference one.</summary>
    internal static Task QuantizeAsync(string folder) => BloomCheckpoint.QuantizeAsync(
        new() { Model = Golden.Model("safetensors-f32") }, folder, cancellationToken: TestContext.Current.CancellationToken);

    // The head has the embedding's numbers in the other order.
    private static unsafe TemporaryFolder WithUntiedHead()
    {
        TemporaryFolder folder = new TemporaryFolder().CopyFrom(Golden.Model("safetensors-f32"));
        List<TinyTensor> tensors;
        using (Checkpoint checkpoint = Checkpoint.Open(folder.Path))
        {
            tensors = [.. checkpoint.Tensors.Values.Select(tensor =>
                new TinyTensor("transformer." + tensor.Name, [.. tensor.Shape], new ReadOnlySpan<byte>((void*)tensor.Address, (int)tensor.ByteCount).ToArray()))];
        }

        TinyTensor embedding = tensors.Single(tensor => tensor.Name == "transformer.word_embeddings.weight");
        float[] numbers = [.. MemoryMarshal.Cast<byte, float>(embedding.Bytes)];
        Array.Reverse(numbers);
        tensors.Add(embedding with { Name = "lm_head.weight", Bytes = MemoryMarshal.AsBytes<float>(numbers).ToArray() });
        JsonNode config = JsonNode.Parse(File.ReadAllText(folder.File("config.json")))!;
        config["tie_word_embeddings"] = false;
        return folder.Write("config.json", config.ToJsonString()).Write("model.safetensors", new SafetensorsWriter(tensors).ToBytes());
    }

    private static Tensor Whole(IWeightSource source, string name)
    {
        Tensor? whole = null;
        source.Read(name, (_, rows) => whole = rows.clone().MoveToOuterDisposeScope(), CancellationToken.None);
        return whole!;
    }

    private sealed class Calling(Action act) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => act();
    }
}
