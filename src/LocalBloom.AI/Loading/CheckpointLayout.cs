using LocalBloom.AI.Model;

namespace LocalBloom.AI.Loading;

/// <summary>The tensors that a BLOOM checkpoint has, by canonical name, and the comparison of what was found with them.</summary>
internal static class CheckpointLayout
{
    /// <summary>The head's matrix, [vocabulary, hidden], where it is not the embedding matrix.</summary>
    public const string HeadName = "lm_head.weight";

    private const string Prefix = "transformer.";

    /// <summary>Gives all tensors of a model with their shapes, in the order of computation.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<long>> Shapes(BloomConfig config)
    {
        long hidden = config.HiddenSize, inner = config.InnerSize, vocabulary = config.VocabularySize;
        var shapes = new OrderedDictionary<string, IReadOnlyList<long>>(StringComparer.Ordinal) { ["word_embeddings.weight"] = [vocabulary, hidden] };
        AddPair("word_embeddings_layernorm", [hidden]);
        for (int i = 0; i < config.LayerCount; i++)
        {
            AddPair($"h.{i}.input_layernorm", [hidden]);
            AddPair($"h.{i}.self_attention.query_key_value", [3 * hidden, hidden]);
            AddPair($"h.{i}.self_attention.dense", [hidden, hidden]);
            AddPair($"h.{i}.post_attention_layernorm", [hidden]);
            AddPair($"h.{i}.mlp.dense_h_to_4h", [inner, hidden]);
            AddPair($"h.{i}.mlp.dense_4h_to_h", [hidden, inner]);
        }

        AddPair("ln_f", [hidden]);
        if (!config.TieWordEmbeddings)
        {
            shapes[HeadName] = [vocabulary, hidden];
        }

        return shapes;

        void AddPair(string name, long[] weight)
        {
            shapes[name + ".weight"] = weight;
            shapes[name + ".bias"] = [weight[0]];
        }
    }

    /// <summary>Gives the tensors their canonical names; checks that the model's are all there, in the right shape, and nothing else.</summary>
    /// <param name="folder">The checkpoint, for errors.</param>
    /// <param name="config">The model.</param>
    /// <param name="found">The tensors under the files' names.</param>
    /// <param name="unlisted">Tensors in the files that the index does not list, with the reason: surplus in any case.</param>
    /// <param name="notes">Receives what was ignored.</param>
    public static IReadOnlyDictionary<string, CheckpointTensor> Match(
        string folder, BloomConfig config, IEnumerable<CheckpointTensor> found, IReadOnlyCollection<string> unlisted, List<string> notes)
    {
        IReadOnlyDictionary<string, IReadOnlyList<long>> shapes = Shapes(config);
        var matched = new Dictionary<string, CheckpointTensor>(StringComparer.Ordinal);
        var rawNames = new Dictionary<string, string>(StringComparer.Ordinal);
        List<string> surplus = [.. unlisted], misshapen = [];
        foreach (CheckpointTensor tensor in found)
        {
            string name = Canonical(tensor.Name);
            if (!rawNames.TryAdd(name, tensor.Name))
            {
                throw new CheckpointException(
                    folder, $"a tensor is there twice: {ErrorText.Name(rawNames[name])} and {ErrorText.Name(tensor.Name)} (in {tensor.File}).");
            }

            if (name == HeadName && config.TieWordEmbeddings)
            {
                notes.Add($"{HeadName} in {tensor.File} is ignored: config.json ties the head to word_embeddings.weight.");
            }
            else if (!shapes.TryGetValue(name, out IReadOnlyList<long>? shape))
            {
                surplus.Add($"{ErrorText.Name(tensor.Name)} in {tensor.File}");
            }
            else if (!shape.SequenceEqual(tensor.Shape))
            {
                misshapen.Add($"{tensor.Name} in {tensor.File} is {ErrorText.Shape(tensor.Shape)}, expected {ErrorText.Shape(shape)}");
            }
            else
            {
                matched.Add(name, tensor with { Name = name });
            }
        }

        RefuseMixedNames(folder, shapes, rawNames);
        Report(folder, [.. shapes.Keys.Where(name => !rawNames.ContainsKey(name))], surplus, misshapen);
        return matched;
    }

    private static string Canonical(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) && name != Prefix + HeadName ? name[Prefix.Length..] : name;

    private static void RefuseMixedNames(string folder, IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, Dictionary<string, string> rawNames)
    {
        string[] known = [.. rawNames.Where(pair => pair.Key != HeadName && shapes.ContainsKey(pair.Key)).Select(pair => pair.Value)];
        string? prefixed = known.FirstOrDefault(name => name.StartsWith(Prefix, StringComparison.Ordinal));
        string? bare = known.FirstOrDefault(name => !name.StartsWith(Prefix, StringComparison.Ordinal));
        if (prefixed is not null && bare is not null)
        {
            throw new CheckpointException(
                folder, $"some names begin with '{Prefix}' ({prefixed}) and others do not ({bare}): files of different checkpoints are mixed.");
        }
    }

    private static void Report(string folder, List<string> missing, List<string> surplus, List<string> misshapen)
    {
        List<string> problems = [];
        Add("missing", missing);
        Add("surplus", surplus);
        Add("misshapen", misshapen);
        if (problems.Count > 0)
        {
            throw new CheckpointException(folder, $"the weights do not fit config.json: {string.Join("; ", problems)}.");
        }

        void Add(string kind, List<string> names)
        {
            if (names.Count > 0)
            {
                problems.Add($"{names.Count} {kind}: {ErrorText.List(names)}");
            }
        }
    }
}
