using LocalBloom.AI.Model;
using LocalBloom.AI.Weights;

namespace LocalBloom.AI.Loading;

/// <summary>Reads <c>config.json</c>, in today's keys and those of the first uploads, and the end tokens of <c>generation_config.json</c>.</summary>
internal static class BloomConfigReader
{
    private const int MaxBytes = 1 << 20;

    /// <summary>Reads a checkpoint folder's configuration.</summary>
    /// <exception cref="CheckpointException">A file is missing or broken, or describes no BLOOM model that can be run.</exception>
    public static BloomConfig Read(string folder)
    {
        string path = Path.Combine(folder, "config.json");
        BloomConfig config = JsonFile.Read(path, MaxBytes, root => Parse(new JsonFields(path, root)));
        config = config with { Int8 = config.Int8?.For(config) };
        Check(path, config);

        string generation = Path.Combine(folder, "generation_config.json");
        if (File.Exists(generation))
        {
            IReadOnlyList<int>? ends = JsonFile.Read(generation, MaxBytes, root => new JsonFields(generation, root).Tokens("eos_token_id"));
            config = config with { EosTokenIds = ends ?? config.EosTokenIds };
            Check(generation, config);
        }

        return config;
    }

    private static BloomConfig Parse(JsonFields fields)
    {
        RequireBloom(fields);
        Int8Settings? int8 = Int8Declaration.Read(fields);
        var defaults = new BloomConfig { VocabularySize = 0, HiddenSize = 0, LayerCount = 0, HeadCount = 0 };
        return defaults with
        {
            VocabularySize = fields.RequiredWhole("vocab_size"),
            HiddenSize = fields.RequiredWhole("hidden_size", "n_embed"),
            LayerCount = fields.RequiredWhole("n_layer", "num_hidden_layers"),
            HeadCount = fields.RequiredWhole("n_head", "num_attention_heads"),
            LayerNormEpsilon = fields.Number("layer_norm_epsilon") ?? defaults.LayerNormEpsilon,
            ResidualAfterNorm = fields.Flag("apply_residual_connection_post_layernorm") ?? false,
            TieWordEmbeddings = fields.Flag("tie_word_embeddings") ?? true,
            DeclaredInnerSize = fields.Whole("n_inner"),
            MaxContextTokens = fields.Whole("seq_length", "n_positions", "max_position_embeddings"),
            DeclaredType = fields.NumberType("dtype", "torch_dtype"),
            BosTokenId = fields.IsAbsent("bos_token_id") ? defaults.BosTokenId : fields.Whole("bos_token_id"),
            EosTokenIds = fields.Tokens("eos_token_id") ?? defaults.EosTokenIds,
            PadTokenId = fields.Whole("pad_token_id"),
            Int8 = int8,
            Notes = Notes(fields),
        };
    }

    private static void RequireBloom(JsonFields fields)
    {
        string? modelType = fields.Text("model_type");
        string found = modelType ?? (fields.Texts("architectures") is [string first, ..] ? first : "");
        bool isBloom = modelType is not null ? found == "bloom" : found.StartsWith("Bloom", StringComparison.Ordinal);
        if (!isBloom)
        {
            throw new CheckpointException(
                fields.Path,
                $"{(modelType is not null ? "model_type" : "model_type is missing and architectures")} is {ErrorText.Name(found)}; " +
                "expected 'bloom': this library runs no other models.");
        }
    }

    private static List<string> Notes(JsonFields fields)
    {
        List<string> notes = [];
        if (fields.Flag("slow_but_exact") ?? false)
        {
            notes.Add("slow_but_exact is ignored: it only changes the order of summation, to that of pretraining_tp devices.");
        }

        if (!(fields.Flag("attention_softmax_in_fp32") ?? true))
        {
            notes.Add("attention_softmax_in_fp32 = false is ignored: the softmax is always computed in float32.");
        }

        return notes;
    }

    private static void Check(string path, BloomConfig config)
    {
        if (config.FindProblem() is string problem)
        {
            throw new CheckpointException(path, problem);
        }
    }
}
