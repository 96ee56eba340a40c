using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;

namespace LocalBloom.AI.Tests.Loading;

/// <summary>A checkpoint small enough to be broken in any way: one layer, hidden 8, two heads, 16 tokens, float32.</summary>
internal static class TinyModel
{
    public const string Config =
        """{"model_type": "bloom", "vocab_size": 16, "hidden_size": 8, "n_layer": 1, "n_head": 2, "eos_token_id": 2, "pad_token_id": 3}""";

    public static BloomConfig Shape { get; } = BloomConfig.ForShape("1,8,2,16");

    /// <summary>Gives the model's tensors; the first element of the n-th is n.</summary>
    public static List<TinyTensor> Tensors(string prefix = "transformer.") =>
        [.. CheckpointLayout.Shapes(Shape).Select((pair, i) => TinyTensor.Filled(prefix + pair.Key, [.. pair.Value], i))];

    public static TemporaryFolder WithSafetensors(Action<SafetensorsWriter> change)
    {
        var writer = new SafetensorsWriter(Tensors());
        change(writer);
        return new TemporaryFolder().Write("config.json", Config).Write("model.safetensors", writer.ToBytes());
    }

    public static TemporaryFolder WithPickle(Action<TorchFileWriter> change)
    {
        var writer = new TorchFileWriter();
        writer.AddStateDict(Tensors());
        change(writer);
        return new TemporaryFolder().Write("config.json", Config).Write("pytorch_model.bin", writer.ToBytes());
    }

    /// <summary>Opens a checkpoint that must be refused, and gives the message.</summary>
    public static string Refusal(TemporaryFolder folder)
    {
        using (folder)
        {
            return Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path).Dispose()).Message;
        }
    }

    public static string Refusal(string safetensorsHeader) => Refusal(WithSafetensors(writer => writer.Header = safetensorsHeader));
}

/// <summary>A tensor, float32 unless <paramref name="Type"/> says another of safetensors' names.</summary>
internal sealed record TinyTensor(string Name, long[] Shape, byte[] Bytes, string Type = "F32")
{
    public static TinyTensor Filled(string name, long[] shape, float value)
    {
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        Array.Fill(values, value);
        return new TinyTensor(name, shape, System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values).ToArray());
    }
}
