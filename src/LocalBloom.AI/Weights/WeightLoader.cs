using LocalBloom.AI.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>Cuts weights from arenas and fills them from a source, tensor by tensor.</summary>
/// <param name="source">Where the numbers come from.</param>
/// <param name="type">The number type of the weights on the device.</param>
/// <param name="progress">Told after each tensor.</param>
/// <param name="cancellationToken">Ends the loading.</param>
internal sealed class WeightLoader(IWeightSource source, ScalarType type, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
{
    private readonly BloomConfig _config = source.Config;
    private readonly long _total = BloomTensors.All(source.Config).Sum(tensor => Bytes(type, tensor.Shape));
    private long _loaded;

    /// <summary>Gets the bytes that tensors take in an arena.</summary>
    public static long SizeOf(ScalarType type, IEnumerable<(string Name, long[] Shape)> tensors) =>
        tensors.Sum(tensor => DeviceArena.SizeOf(type, tensor.Shape));

    /// <summary>Loads consecutive blocks.</summary>
    public ResidentLayers LoadLayers(DeviceArena arena, int first, int count) =>
        new(first, [.. Enumerable.Range(first, count).Select(layer => LoadLayer(arena, layer))]);

    /// <summary>Loads what stands before the first block and after the last.</summary>
    /// <returns>Embedding, its norm, the norm after the last block, and the head.</returns>
    public (Tensor Embedding, LayerNormWeights EmbeddingNorm, LayerNormWeights FinalNorm, Tensor Head) LoadEnds(DeviceArena arena)
    {
        Dictionary<string, Tensor> ends = Load(arena, BloomTensors.Ends(_config));
        Tensor embedding = ends[BloomTensors.Embedding];
        return (embedding, Norm(ends, "word_embeddings_layernorm"), Norm(ends, "ln_f"), ends.GetValueOrDefault(BloomTensors.Head, embedding));
    }

    private LayerWeights LoadLayer(DeviceArena arena, int layer)
    {
        Dictionary<string, Tensor> tensors = Load(arena, BloomTensors.Layer(_config, layer));
        string prefix = $"h.{layer}.";
        return new LayerWeights(
            Norm(tensors, prefix + "input_layernorm"),
            Linear(arena, tensors, prefix + "self_attention.query_key_value"),
            Linear(arena, tensors, prefix + "self_attention.dense"),
            Norm(tensors, prefix + "post_attention_layernorm"),
            Linear(arena, tensors, prefix + "mlp.dense_h_to_4h"),
            Linear(arena, tensors, prefix + "mlp.dense_4h_to_h"));
    }

    private Dictionary<string, Tensor> Load(DeviceArena arena, IEnumerable<(string Name, long[] Shape)> tensors)
    {
        var loaded = new Dictionary<string, Tensor>();
        foreach ((string name, long[] shape) in tensors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Tensor tensor = arena.Allocate(type, shape);
            source.Fill(name, tensor, cancellationToken);
            loaded.Add(name, tensor);
            _loaded += Bytes(type, shape);
            progress?.Report(new LoadProgress(_loaded, _total, name));
        }

        return loaded;
    }

    private static LinearWeights Linear(DeviceArena arena, Dictionary<string, Tensor> tensors, string name)
    {
        Tensor weight = tensors[name + ".weight"];
        return new LinearWeights(weight, arena.Own(weight.t()), tensors[name + ".bias"]);
    }

    private LayerNormWeights Norm(Dictionary<string, Tensor> tensors, string name) =>
        new(tensors[name + ".weight"], tensors[name + ".bias"], _config.LayerNormEpsilon);

    private static long Bytes(ScalarType type, long[] shape) => shape.Aggregate(type.ElementSize(), (long bytes, long size) => bytes * size);
}
