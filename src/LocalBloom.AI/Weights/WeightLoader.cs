using LocalBloom.AI.Model;
using static TorchSharp.torch;

namespace LocalBloom.AI.Weights;

/// <summary>Cuts weights from arenas and fills them from a source, tensor by tensor.</summary>
/// <param name="source">Where the numbers come from.</param>
/// <param name="format">How they are kept on the device.</param>
/// <param name="progress">Told after each tensor.</param>
/// <param name="cancellationToken">Ends the loading.</param>
internal sealed class WeightLoader(IWeightSource source, WeightFormat format, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
{
    private readonly BloomConfig _config = source.Config;
    private readonly long _total = BytesOf(source, format);
    private long _loaded;

    /// <summary>Gets the bytes of everything that a source gives.</summary>
    public static long BytesOf(IWeightSource source, WeightFormat format) =>
        BloomTensors.All(source.Config).Sum(tensor => format.BytesOf(tensor.Name, source.ShapeOf(tensor.Name, tensor.Shape)));

    /// <summary>Loads consecutive blocks.</summary>
    public ResidentLayers LoadLayers(DeviceArena arena, int first, int count) =>
        new(first, [.. Enumerable.Range(first, count).Select(layer => LoadLayer(arena, layer))]);

    /// <summary>Loads what stands before the first block and after the last.</summary>
    /// <returns>Embedding, its norm, the norm after the last block, and the head.</returns>
    public (LinearWeights Embedding, LayerNormWeights EmbeddingNorm, LayerNormWeights FinalNorm, LinearWeights Head) LoadEnds(DeviceArena arena)
    {
        Dictionary<string, Stored> ends = Load(arena, BloomTensors.Ends(_config));
        LinearWeights embedding = Linear(arena, ends, BloomTensors.Embedding, bias: null);
        LinearWeights head = ends.ContainsKey(BloomTensors.Head) ? Linear(arena, ends, BloomTensors.Head, bias: null) : embedding;
        return (embedding, Norm(ends, "word_embeddings_layernorm"), Norm(ends, "ln_f"), head);
    }

    private LayerWeights LoadLayer(DeviceArena arena, int layer)
    {
        Dictionary<string, Stored> tensors = Load(arena, BloomTensors.Layer(_config, layer));
        string prefix = $"h.{layer}.";
        return new LayerWeights(
            Norm(tensors, prefix + "input_layernorm"),
            Linear(arena, tensors, prefix + "self_attention.query_key_value"),
            Linear(arena, tensors, prefix + "self_attention.dense"),
            Norm(tensors, prefix + "post_attention_layernorm"),
            Linear(arena, tensors, prefix + "mlp.dense_h_to_4h"),
            Linear(arena, tensors, prefix + "mlp.dense_4h_to_h"));
    }

    private Dictionary<string, Stored> Load(DeviceArena arena, IEnumerable<(string Name, long[] Shape)> tensors)
    {
        var loaded = new Dictionary<string, Stored>();
        foreach ((string name, long[] whole) in tensors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long[] shape = source.ShapeOf(name, whole);
            loaded.Add(name, format.Quantizes(name, shape) ? LoadInt8(arena, name, shape) : new Stored(LoadDense(arena, name, shape)));
            _loaded += format.BytesOf(name, shape);
            progress?.Report(new LoadProgress(_loaded, _total, name));
        }

        return loaded;
    }

    private Tensor LoadDense(DeviceArena arena, string name, long[] shape)
    {
        Tensor tensor = arena.Allocate(format.Type, shape);
        source.Fill(name, tensor, cancellationToken);
        return tensor;
    }

    private Stored LoadInt8(DeviceArena arena, string name, long[] shape)
    {
        Tensor data = arena.Allocate(ScalarType.Int8, shape);
        Tensor scales = arena.Allocate(format.Type, shape[0]);
        if (source.TryFillInt8(name, data, scales, cancellationToken))
        {
            return new Stored(data, scales);
        }

        source.Read(
            name,
            (row, rows) =>
            {
                using Tensor part = data.narrow(0, row, rows.shape[0]);
                using Tensor scale = scales.narrow(0, row, rows.shape[0]);
                Int8Quantizer.Quantize(rows, part, scale);
            },
            cancellationToken);
        return new Stored(data, scales);
    }

    private static LinearWeights Linear(DeviceArena arena, Dictionary<string, Stored> tensors, string name) =>
        Linear(arena, tensors, name + ".weight", tensors[name + ".bias"].Data);

    private static LinearWeights Linear(DeviceArena arena, Dictionary<string, Stored> tensors, string name, Tensor? bias)
    {
        (Tensor weight, Tensor? scales) = tensors[name];
        return new LinearWeights(weight, arena.Own(weight.t()), scales, bias);
    }

    private LayerNormWeights Norm(Dictionary<string, Stored> tensors, string name) =>
        new(tensors[name + ".weight"].Data, tensors[name + ".bias"].Data, _config.LayerNormEpsilon);

    // A tensor as it is kept; scales where it is int8.
    private sealed record Stored(Tensor Data, Tensor? Scales = null);
}
