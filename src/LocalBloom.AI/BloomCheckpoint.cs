using System.Text.Json;
using System.Text.Json.Nodes;
using LocalBloom.AI.Engine;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI;

/// <summary>Makes checkpoints of checkpoints.</summary>
public static class BloomCheckpoint
{
    private static readonly string[] s_copied =
        ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "prompt_template.json"];

    /// <summary>Writes a model with its matrices as int8: half the files of 16 bits, and the same numbers in memory as quantising while loading gives.</summary>
    /// <param name="options">
    /// As for an engine: <see cref="BloomChatClientOptions.Model"/> is what is read, <see cref="BloomChatClientOptions.NumberType"/> is that of scales, norms and
    /// biases, and <see cref="BloomChatClientOptions.Int8SkipModules"/> are not quantised. The rest does not count.
    /// </param>
    /// <param name="folder">Where to write; must not be there, or be empty. It is there only once it is complete: until then a folder of this name and <c>.partial</c> is.</param>
    /// <param name="progress">Told after each tensor, with bytes written, on the writing thread.</param>
    /// <param name="cancellationToken">Ends the writing; nothing is left behind.</param>
    /// <exception cref="IOException">The folder, or the partial one, is there already and not empty; or writing failed.</exception>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">The options contradict each other.</exception>
    /// <exception cref="LocalBloomException">The checkpoint is not there or broken, or int8 already.</exception>
    /// <remarks>Loading recognises such a checkpoint; nothing has to be set.</remarks>
    public static Task QuantizeAsync(
        BloomChatClientOptions options, string folder, IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        BloomChatClientOptions copy = options.Copy();
        copy.WeightFormat = BloomWeightFormat.Int8;
        if (string.IsNullOrWhiteSpace(copy.Model) && DemoModel.Find() is { } demo)
        {
            copy.Model = demo;
        }

        BloomChatClientOptionsValidator.ThrowIfInvalid(copy);
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        return Task.Run(() => Quantize(copy, target, progress, cancellationToken), cancellationToken);
    }

    private static void Quantize(BloomChatClientOptions options, string folder, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        string partial = folder + ".partial";
        RefuseFull(folder);
        RefuseFull(partial);
        using IDisposable inference = inference_mode();
        using var checkpoint = Checkpoint.Open(ModelLocator.Locate(options.Model));
        if (checkpoint.Config.Int8 is not null)
        {
            throw new CheckpointException(checkpoint.Folder, "its matrices are int8 already. Name the original checkpoint.");
        }

        WeightFormat format = WeightFormatChoice.Choose(options, checkpoint.Config, checkpoint.StoredType);
        Directory.CreateDirectory(partial);
        try
        {
            using (var source = new CheckpointWeights(checkpoint, TorchNative.Load(options.LibTorchPath)))
            {
                new Int8CheckpointWriter(source, format, partial, progress, cancellationToken).Write();
            }

            WriteConfig(checkpoint.Folder, partial, format);
            foreach (string name in s_copied.Where(name => File.Exists(Path.Combine(checkpoint.Folder, name))))
            {
                File.Copy(Path.Combine(checkpoint.Folder, name), Path.Combine(partial, name));
            }

            if (Directory.Exists(folder))
            {
                Directory.Delete(folder); // empty
            }

            Directory.Move(partial, folder);
        }
        catch
        {
            Directory.Delete(partial, recursive: true);
            throw;
        }
    }

    private static void RefuseFull(string folder)
    {
        if (File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()))
        {
            throw new IOException($"{folder} is there already, and not empty. Name another folder, or remove it.");
        }
    }

    private static void WriteConfig(string from, string to, WeightFormat format)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(from, "config.json")))!.AsObject();
        config[config.ContainsKey("dtype") ? "dtype" : "torch_dtype"] = format.Type switch
        {
            ScalarType.Float32 => "float32",
            ScalarType.Float16 => "float16",
            _ => "bfloat16",
        };
        config[Int8Declaration.Section] = Int8Declaration.Write(format.Int8!);
        File.WriteAllText(Path.Combine(to, "config.json"), config.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
    }
}
