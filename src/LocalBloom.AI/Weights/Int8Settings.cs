using LocalBloom.AI.Model;

namespace LocalBloom.AI.Weights;

/// <summary>Which matrices are int8, and how products with them are computed.</summary>
/// <param name="Scheme">How products are computed.</param>
/// <param name="Threshold">The least magnitude of an outlier, where activations are int8 too; 0 for none.</param>
/// <param name="SkipModules">Those of <see cref="KnownModules"/> that stay in the model's number type.</param>
internal sealed record Int8Settings(BloomInt8Scheme Scheme, double Threshold, IReadOnlyList<string> SkipModules)
{
    /// <summary>What the paper found to suffice.</summary>
    public const double DefaultThreshold = 6;

    private const string Weight = ".weight";
    private const string HeadModule = "lm_head";
    private const string EmbeddingModule = "word_embeddings";

    /// <summary>Gets the names of the modules that have matrices, without their layer.</summary>
    public static IReadOnlyList<string> KnownModules { get; } =
    [
        HeadModule, EmbeddingModule, "self_attention.query_key_value", "self_attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h",
    ];

    /// <summary>Gets what is skipped where nobody says: for LLM.int8() what bitsandbytes leaves as it is.</summary>
    public static IReadOnlyList<string> DefaultSkips(BloomInt8Scheme scheme) => scheme is BloomInt8Scheme.LlmInt8 ? [HeadModule, EmbeddingModule] : [];

    /// <summary>Gets these settings for a model: where the embedding is the head, too, either name means the one matrix.</summary>
    public Int8Settings For(BloomConfig config) =>
        config.TieWordEmbeddings && SkipModules.Contains(HeadModule) && !SkipModules.Contains(EmbeddingModule)
            ? this with { SkipModules = [.. SkipModules, EmbeddingModule] }
            : this;

    /// <summary>Gets whether a tensor stays in the model's number type.</summary>
    /// <param name="tensor">One of <see cref="BloomTensors.All"/>.</param>
    public bool Skips(string tensor) =>
        SkipModules.Any(module => tensor == module + Weight || tensor.EndsWith($".{module}{Weight}", StringComparison.Ordinal));
}
