using System.Text.Json;
using System.Text.Json.Serialization;

namespace LocalBloom.AI.Tests.Text;

/// <summary>A text with its ids and decodings as Hugging Face's tokenizers give them.</summary>
internal sealed record TokenizerVector(
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("ids")] int[] Ids,
    [property: JsonPropertyName("decoded")] string Decoded,
    [property: JsonPropertyName("decoded_skip_special")] string DecodedSkipSpecial)
{
    private static readonly string[] Specials = ["<unk>", "<s>", "</s>", "<pad>"];

    public static IReadOnlyList<TokenizerVector> All { get; } = JsonDocument
        .Parse(File.ReadAllBytes(Path.Combine(GoldenFolder.Path, "tokenizer_vectors.json")))
        .RootElement.GetProperty("vectors").Deserialize<TokenizerVector[]>()!;

    public bool HoldsSpecial => Specials.Any(special => Text.Contains(special, StringComparison.Ordinal));
}
