using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using LocalBloom.AI.Text;

namespace LocalBloom.AI.Testing;

/// <summary>Reference checkpoints and values, made by transformers in float32.</summary>
/// <remarks>They lie beside the executable; the variable LOCALBLOOM_GOLDEN may name a further folder of the same layout.</remarks>
public static class Golden
{
    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private static readonly ConcurrentDictionary<string, IReadOnlyList<TokenizerVector>> s_vectors = new();
    private static readonly ConcurrentDictionary<string, BloomTokenizer> s_tokenizers = new();

    /// <summary>Gets every folder that has <c>models</c> and <c>tokenizer_vectors.json</c>.</summary>
    public static IReadOnlyList<string> Roots { get; } =
    [
        Path.Combine(AppContext.BaseDirectory, "golden"),
        .. (Environment.GetEnvironmentVariable("LOCALBLOOM_GOLDEN") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries),
    ];

    /// <summary>Gets the checkpoints' folders.</summary>
    public static IReadOnlyList<string> Models { get; } = [.. Roots.SelectMany(ModelsOf)];

    /// <summary>Gets each checkpoint's folder with the number of each of its cases, as theory data.</summary>
    public static TheoryData<string, int> Cases
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (string model in Models)
            {
                for (int i = 0; i < Read(model).Cases.Count; i++)
                {
                    data.Add(model, i);
                }
            }

            return data;
        }
    }

    /// <summary>Gets those of <see cref="Cases"/> that give their prompt as text, not as ids alone.</summary>
    public static TheoryData<string, int> TextCases =>
        new(Cases.Where(row => Read(row.Data.Item1).Cases[row.Data.Item2].Prompt is not null).Select(row => row.Data));

    /// <summary>Gets each root with the number of each of its tokenizer vectors, as theory data.</summary>
    public static TheoryData<string, int> VectorCases =>
        new(Roots.SelectMany(root => Enumerable.Range(0, TokenizerVectors(root).Count).Select(i => (root, i))));

    /// <summary>Gets the folder of a checkpoint that comes with the tests.</summary>
    public static string Model(string name) => Path.Combine(Roots[0], "models", name);

    /// <summary>Reads a checkpoint's reference values.</summary>
    public static GoldenFile Read(string model) =>
        JsonSerializer.Deserialize<GoldenFile>(File.ReadAllText(Path.Combine(model, "golden.json")), s_json)!;

    /// <summary>Gets the tokenizer's reference values of a root.</summary>
    public static IReadOnlyList<TokenizerVector> TokenizerVectors(string root) => s_vectors.GetOrAdd(root, root =>
        JsonSerializer.Deserialize<TokenizerVectorFile>(File.ReadAllText(Path.Combine(root, "tokenizer_vectors.json")), s_json)!.Vectors);

    /// <summary>Gets the file of the tokenizer that a root's vectors were made with: that of its first model.</summary>
    public static string TokenizerPath(string root) => Path.Combine(ModelsOf(root).First(), "tokenizer.json");

    /// <summary>Gets the tokenizer that a root's vectors were made with.</summary>
    internal static BloomTokenizer Tokenizer(string root) => s_tokenizers.GetOrAdd(root, root => BloomTokenizer.Load(TokenizerPath(root)));

    private static IEnumerable<string> ModelsOf(string root) => Directory.GetDirectories(Path.Combine(root, "models")).Order(StringComparer.Ordinal);
}

/// <summary>golden.json.</summary>
public sealed record GoldenFile(IReadOnlyList<GoldenCase> Cases);

/// <summary>One prompt and what transformers makes of it.</summary>
public sealed record GoldenCase(
    string? Prompt,
    IReadOnlyList<int> Ids,
    [property: JsonPropertyName("last_logits_top50")] GoldenLogits LastLogitsTop50,
    double LastLogitsNorm,
    [property: JsonPropertyName("last_logits_every_97")] IReadOnlyList<float> LastLogitsEvery97,
    double PromptNll,
    [property: JsonPropertyName("greedy_24")] IReadOnlyList<int> Greedy24,
    [property: JsonPropertyName("greedy_24_eos")] IReadOnlyList<int> Greedy24Eos,
    IReadOnlyDictionary<string, GoldenDistribution> Warped);

/// <summary>The largest logits.</summary>
public sealed record GoldenLogits(IReadOnlyList<int> Ids, IReadOnlyList<float> Values);

/// <summary>What sampling settings leave: how many tokens, and the first of them.</summary>
public sealed record GoldenDistribution(int Kept, IReadOnlyList<int> TopIds, IReadOnlyList<double> TopProbs);

/// <summary>tokenizer_vectors.json.</summary>
public sealed record TokenizerVectorFile(IReadOnlyList<TokenizerVector> Vectors);

/// <summary>A text, its ids, and what they decode to.</summary>
public sealed record TokenizerVector(string Text, IReadOnlyList<int> Ids, string Decoded, string DecodedSkipSpecial)
{
    private static readonly string[] s_specials = ["<unk>", "<s>", "</s>", "<pad>"];

    /// <summary>Gets a value indicating whether a special token stands in the text.</summary>
    public bool HoldsSpecial => s_specials.Any(special => Text.Contains(special, StringComparison.Ordinal));
}
