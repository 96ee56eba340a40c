namespace LocalBloom.AI.Model;

/// <summary>The tensors of a BLOOM checkpoint, by name and shape. Names leave out the prefix <c>transformer.</c> that some files have.</summary>
internal static class BloomTensors
{
    /// <summary>The name of the token embedding, which a tied head shares.</summary>
    public const string Embedding = "word_embeddings.weight";

    /// <summary>The name of an untied head.</summary>
    public const string Head = "lm_head.weight";

    /// <summary>Gets whether a name is that of an untied head, or of its scales: it has no prefix in any file.</summary>
    public static bool IsOfHead(string name) => name.StartsWith(Head, StringComparison.Ordinal);

    /// <summary>Gets whether a name is that of a block's tensor.</summary>
    public static bool IsOfLayer(string name) => name.StartsWith("h.", StringComparison.Ordinal);

    /// <summary>Gets what stands before the first block and after the last.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Ends(BloomConfig config) => First(config).Concat(Last(config));

    /// <summary>Gets the tensors of one block.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Layer(BloomConfig config, int layer)
    {
        long hidden = config.HiddenSize;
        return
        [
            .. Pair("input_layernorm", hidden),
            .. Pair("self_attention.query_key_value", 3 * hidden, hidden),
            .. Pair("self_attention.dense", hidden, hidden),
            .. Pair("post_attention_layernorm", hidden),
            .. Pair("mlp.dense_h_to_4h", config.InnerSize, hidden),
            .. Pair("mlp.dense_4h_to_h", hidden, config.InnerSize),
        ];

        (string, long[])[] Pair(string name, params long[] shape) =>
            [($"h.{layer}.{name}.weight", shape), ($"h.{layer}.{name}.bias", [shape[0]])];
    }

    /// <summary>Gets every tensor, in the order of computation.</summary>
    public static IEnumerable<(string Name, long[] Shape)> All(BloomConfig config) =>
        [.. First(config), .. Enumerable.Range(0, config.LayerCount).SelectMany(layer => Layer(config, layer)), .. Last(config)];

    private static IEnumerable<(string Name, long[] Shape)> First(BloomConfig config) =>
    [
        (Embedding, [config.VocabularySize, config.HiddenSize]),
        ("word_embeddings_layernorm.weight", [config.HiddenSize]),
        ("word_embeddings_layernorm.bias", [config.HiddenSize]),
    ];

    private static IEnumerable<(string Name, long[] Shape)> Last(BloomConfig config)
    {
        yield return ("ln_f.weight", [config.HiddenSize]);
        yield return ("ln_f.bias", [config.HiddenSize]);
        if (!config.TieWordEmbeddings)
        {
            yield return (Head, [config.VocabularySize, config.HiddenSize]);
        }
    }
}
