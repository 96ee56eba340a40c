using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Model;

/// <summary>The shape of a BLOOM model and the token ids that it treats specially. Immutable.</summary>
internal sealed record BloomConfig
{
    // With these bounds the bytes of a whole model, 4·layers·hidden·(4·hidden + 2·inner) + 4·vocabulary·hidden, stay below 2^54
    // and the rows of one matrix fit an int, so that sizes need no overflow checks later. BLOOM-176B is 8 times below each of them.
    private const int MaxVocabulary = 1 << 24;
    private const int MaxHidden = 1 << 17;
    private const int MaxInner = 1 << 20;
    private const int MaxLayers = 1 << 12;
    private const int MaxContext = 1 << 24;

    private static readonly (string Name, int Layers, int Hidden, int Heads)[] s_shapes =
    [
        ("560m", 24, 1024, 16), ("1b1", 24, 1536, 16), ("1b7", 24, 2048, 16), ("3b", 30, 2560, 32), ("7b1", 30, 4096, 32), ("176b", 70, 14336, 112),
    ];

    /// <summary>Gets the rows of the embedding matrix, padding rows included.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Gets the length of a token's vector between layers.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Gets the number of transformer blocks.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Gets the number of attention heads; it divides <see cref="HiddenSize"/>.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Gets what is added to the variance in every layer norm; above 0.</summary>
    public double LayerNormEpsilon { get; init; } = 1e-5;

    /// <summary>Gets <c>apply_residual_connection_post_layernorm</c>: whether the residual is what comes out of the layer norm.</summary>
    public bool ResidualAfterNorm { get; init; }

    /// <summary>Gets a value indicating whether the head shares the embedding matrix; otherwise the checkpoint has <c>lm_head.weight</c>.</summary>
    public bool TieWordEmbeddings { get; init; } = true;

    /// <summary>Gets <c>n_inner</c>, where the checkpoint declares it.</summary>
    public int? DeclaredInnerSize { get; init; }

    /// <summary>Gets the tokens of a training sequence, where the checkpoint declares them. ALiBi positions may go beyond.</summary>
    public int? MaxContextTokens { get; init; }

    /// <summary>Gets the number format that the checkpoint declares; the weights' own may differ.</summary>
    public ScalarType? DeclaredType { get; init; }

    /// <summary>Gets which matrices the checkpoint has as int8, with their scales beside them; <see langword="null"/> where none is.</summary>
    public Int8Settings? Int8 { get; init; }

    /// <summary>Gets the token that begins a sequence.</summary>
    public int? BosTokenId { get; init; } = 1;

    /// <summary>Gets the tokens that end a reply; empty where none does.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [2];

    /// <summary>Gets the token that fills a batch.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>Gets what was found in the configuration and is not honoured, with the reason; for the log.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Gets the length of one head's query, key or value.</summary>
    public int HeadDim => HiddenSize / HeadCount;

    /// <summary>Gets the width of the feed-forward layer: 4 · <see cref="HiddenSize"/> unless declared otherwise.</summary>
    public int InnerSize => DeclaredInnerSize ?? 4 * HiddenSize;

    /// <summary>Gives the configuration of a published size, or of a made-up one, without a checkpoint.</summary>
    /// <param name="shape"><c>560m</c>, <c>1b1</c>, <c>1b7</c>, <c>3b</c>, <c>7b1</c>, <c>176b</c>, or <c>layers,hidden,heads,vocabulary</c>.</param>
    /// <exception cref="ArgumentException">The name is not known, or the numbers make no model.</exception>
    public static BloomConfig ForShape(string shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        int[] numbers = Numbers(shape);
        if (numbers is not [int layers, int hidden, int heads, int vocabulary])
        {
            throw new ArgumentException(
                $"'{shape}' is no known shape. Use {string.Join(", ", s_shapes.Select(known => known.Name))}, " +
                "or four numbers: layers,hidden,heads,vocabulary.",
                nameof(shape));
        }

        var config = new BloomConfig
        {
            LayerCount = layers,
            HiddenSize = hidden,
            HeadCount = heads,
            VocabularySize = vocabulary,
            MaxContextTokens = 2048,
            PadTokenId = 3,
        };
        return config.FindProblem() is string problem ? throw new ArgumentException($"'{shape}' makes no model: {problem}", nameof(shape)) : config;
    }

    /// <summary>Says what makes this no usable model, in the words of <c>config.json</c>; <see langword="null"/> where nothing does.</summary>
    public string? FindProblem() =>
        OutOfRange("vocab_size", VocabularySize, MaxVocabulary)
        ?? OutOfRange("hidden_size", HiddenSize, MaxHidden)
        ?? OutOfRange("n_layer", LayerCount, MaxLayers)
        ?? OutOfRange("n_head", HeadCount, HiddenSize)
        ?? (HiddenSize % HeadCount == 0 ? null : $"hidden_size is {HiddenSize}, which {HeadCount} heads (n_head) do not divide.")
        ?? OutOfRange("n_inner", InnerSize, MaxInner)
        ?? OutOfRange("seq_length", MaxContextTokens ?? 1, MaxContext)
        ?? (double.IsFinite(LayerNormEpsilon) && LayerNormEpsilon > 0 && LayerNormEpsilon < 1
            ? null : $"layer_norm_epsilon is {LayerNormEpsilon}; expected a small number above 0.")
        ?? NoToken("bos_token_id", BosTokenId)
        ?? NoToken("pad_token_id", PadTokenId)
        ?? EosTokenIds.Select(id => NoToken("eos_token_id", id)).FirstOrDefault(problem => problem is not null);

    private static int[] Numbers(string shape)
    {
        foreach ((string name, int layers, int hidden, int heads) in s_shapes)
        {
            if (name.Equals(shape, StringComparison.OrdinalIgnoreCase))
            {
                return [layers, hidden, heads, 250_880];
            }
        }

        string[] parts = shape.Split(',');
        var numbers = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i].Trim(), System.Globalization.CultureInfo.InvariantCulture, out numbers[i]))
            {
                return [];
            }
        }

        return numbers;
    }

    private static string? OutOfRange(string key, int value, int most) =>
        value >= 1 && value <= most ? null : $"{key} is {value}; expected 1 to {most}.";

    private string? NoToken(string key, int? id) =>
        id is null || (id >= 0 && id < VocabularySize) ? null : $"{key} is {id}; expected a token below the vocabulary's {VocabularySize}.";
}
