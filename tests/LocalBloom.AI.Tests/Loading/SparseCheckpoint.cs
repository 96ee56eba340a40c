using System.Text;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;

namespace LocalBloom.AI.Tests.Loading;

/// <summary>Checkpoints of real sizes whose weights are a hole in the file, read as zeros: made at once, and no burden on the disk.</summary>
internal static class SparseCheckpoint
{
    /// <summary>Makes a folder with configuration, weights and a tokenizer.</summary>
    /// <param name="shape">The model.</param>
    /// <param name="type">F32, F16 or BF16.</param>
    /// <param name="tokenizerFolder">Whose tokenizer; null for none.</param>
    public static TemporaryFolder Create(BloomConfig shape, string type, string? tokenizerFolder = null)
    {
        TemporaryFolder folder = new TemporaryFolder().Write("config.json", Json(shape));
        WriteWeights(folder.File("model.safetensors"), shape, type);
        if (tokenizerFolder is not null)
        {
            File.Copy(Path.Combine(tokenizerFolder, "tokenizer.json"), folder.File("tokenizer.json"));
        }

        return folder;
    }

    /// <summary>Writes a safetensors file.</summary>
    public static void WriteWeights(string path, BloomConfig shape, string type)
    {
        var header = new StringBuilder("{");
        long end = 0;
        foreach ((string name, IReadOnlyList<long> sizes) in CheckpointLayout.Shapes(shape))
        {
            long begin = end;
            end += sizes.Aggregate(type == "F32" ? 4L : 2L, (product, size) => product * size);
            header.Append(begin == 0 ? "" : ",");
            header.Append($$"""
                "{{name}}":{"dtype":"{{type}}","shape":[{{string.Join(',', sizes)}}],"data_offsets":[{{begin}},{{end}}]}
                """);
        }

        header.Append('}').Append(' ', 8 - (header.Length % 8));
        using FileStream file = File.Create(path);
        file.Write(BitConverter.GetBytes((long)header.Length));
        file.Write(Encoding.ASCII.GetBytes(header.ToString()));
        file.SetLength(file.Position + end);
    }

    private static string Json(BloomConfig shape) =>
        $$"""
        {"model_type": "bloom", "vocab_size": {{shape.VocabularySize}}, "hidden_size": {{shape.HiddenSize}}, "n_layer": {{shape.LayerCount}}, "n_head": {{shape.HeadCount}}}
        """;
}
