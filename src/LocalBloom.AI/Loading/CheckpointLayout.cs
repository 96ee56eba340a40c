using LocalBloom.AI.Model;
using static TorchSharp.torch;

namespace LocalBloom.AI.Loading;

/// <summary>The tensors that a BLOOM checkpoint has, by canonical name, and the comparison of what was found with them.</summary>
internal static class CheckpointLayout
{
    private const string Prefix = "transformer.";

    /// <summary>Gives all tensors of a model with their shapes, in the order of computation.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<long>> Shapes(BloomConfig config) =>
        new OrderedDictionary<string, IReadOnlyList<long>>(
            BloomTensors.All(config).SelectMany(tensor => WithScale(config, tensor.Name, tensor.Shape)), StringComparer.Ordinal);

    /// <summary>Gives the tensors their canonical names; checks that the model's are all there, in the right shape, and nothing else.</summary>
    /// <param name="folder">The checkpoint, for errors.</param>
    /// <param name="config">The model.</param>
    /// <param name="found">The tensors under the files' names.</param>
    /// <param name="unlisted">Tensors in the files that the index does not list, with the reason: surplus in any case.</param>
    /// <param name="notes">Receives what was ignored.</param>
    public static IReadOnlyDictionary<string, CheckpointTensor> Match(
        string folder, BloomConfig config, IReadOnlyCollection<CheckpointTensor> found, IReadOnlyCollection<string> unlisted, List<string> notes)
    {
        RefuseUndeclared(folder, config, found);
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

            if (name == BloomTensors.Head && config.TieWordEmbeddings)
            {
                notes.Add($"{BloomTensors.Head} in {tensor.File} is ignored: config.json ties the head to word_embeddings.weight.");
            }
            else if (!shapes.TryGetValue(name, out IReadOnlyList<long>? shape))
            {
                surplus.Add($"{ErrorText.Name(tensor.Name)} in {tensor.File}");
            }
            else if (!shape.SequenceEqual(tensor.Shape))
            {
                misshapen.Add($"{tensor.Name} in {tensor.File} is {ErrorText.Shape(tensor.Shape)}, expected {ErrorText.Shape(shape)}");
            }
            else if (tensor.Type is ScalarType.Int8 != IsInt8(config, name, shape))
            {
                misshapen.Add($"{tensor.Name} in {tensor.File} is {tensor.Type}, expected {(tensor.Type is ScalarType.Int8 ? "floating-point numbers" : "Int8")}");
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

    private static void RefuseUndeclared(string folder, BloomConfig config, IEnumerable<CheckpointTensor> found)
    {
        string[] integers = [.. found.Where(tensor => tensor.Type is ScalarType.Int8).Select(tensor => ErrorText.Name(tensor.Name))];
        if (config.Int8 is null && integers.Length > 0)
        {
            throw new CheckpointException(
                folder,
                $"{integers.Length} tensors are int8 ({ErrorText.List(integers)}), but config.json has no {Int8Declaration.Section}, which says how to read them. " +
                $"Get the config.json that was written with them; {nameof(BloomCheckpoint)}.{nameof(BloomCheckpoint.QuantizeAsync)} writes one.");
        }
    }

    private static IEnumerable<KeyValuePair<string, IReadOnlyList<long>>> WithScale(BloomConfig config, string name, long[] shape) =>
        IsInt8(config, name, shape)
            ? [KeyValuePair.Create(name, (IReadOnlyList<long>)shape), KeyValuePair.Create(name + Int8Declaration.ScaleSuffix, (IReadOnlyList<long>)[shape[0]])]
            : [KeyValuePair.Create(name, (IReadOnlyList<long>)shape)];

    private static bool IsInt8(BloomConfig config, string name, IReadOnlyList<long> shape) => config.Int8 is { } int8 && shape.Count == 2 && !int8.Skips(name);

    private static string Canonical(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) && !BloomTensors.IsOfHead(name[Prefix.Length..]) ? name[Prefix.Length..] : name;

    private static void RefuseMixedNames(string folder, IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, Dictionary<string, string> rawNames)
    {
        string[] known = [.. rawNames.Where(pair => !BloomTensors.IsOfHead(pair.Key) && shapes.ContainsKey(pair.Key)).Select(pair => pair.Value)];
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
