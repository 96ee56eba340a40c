using System.Text.Json;
using System.Text.Json.Nodes;
using LocalBloom.AI.Engine;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using Microsoft.Extensions.Options;
using static TorchSharp.torch;

namespace LocalBloom.AI;

/// <summary>Makes checkpoints of checkpoints.</summary>
public static class BloomCheckpoint
{
    private const string ConfigFile = "config.json";

    private static readonly string[] s_copied =
        ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "prompt_template.json"];

    /// <summary>Writes a model with its matrices as int8: half the files of 16 bits, and the same numbers in memory as quantising while loading gives where no matrix is cut over devices.</summary>
    /// <param name="options">
    /// As for an engine, and checked as for one: <see cref="BloomChatClientOptions.Model"/> is what is read, <see cref="BloomChatClientOptions.NumberType"/> is
    /// that of scales, norms and biases, and <see cref="BloomChatClientOptions.Int8SkipModules"/> are not quantised; where it is null,
    /// <see cref="BloomChatClientOptions.Int8Scheme"/> says which those are. <see cref="BloomChatClientOptions.WeightFormat"/> must not be
    /// <see cref="BloomWeightFormat.Dense"/>. The work is done on the CPU by the torch of <see cref="BloomChatClientOptions.LibTorchPath"/>. What is left says how
    /// an engine runs the model, and changes nothing in the files: scheme and threshold are given again when the new checkpoint is loaded,
    /// with <see cref="BloomWeightFormat.Int8"/>.
    /// </param>
    /// <param name="folder">Where to write; must not be there, or be empty. It is there only once it is complete: until then a folder of this name and <c>.partial</c> is.</param>
    /// <param name="progress">Told after each tensor, with bytes written, on the writing thread.</param>
    /// <param name="cancellationToken">Ends the writing; nothing is left behind.</param>
    /// <exception cref="IOException">The folder, or the partial one, is there already and not empty: another call may be writing it. Or writing failed.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder's parent must not be written to.</exception>
    /// <exception cref="OptionsValidationException">The options contradict each other, or ask for dense matrices.</exception>
    /// <exception cref="LocalBloomException">The checkpoint is not there or broken, or int8 already.</exception>
    /// <remarks>Loading recognises such a checkpoint; nothing has to be set.</remarks>
    public static Task QuantizeAsync(
        BloomChatClientOptions options, string folder, IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        RefuseDense(options);
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
        PartialFolder.RefuseFull(folder);
        using IDisposable inference = inference_mode();
        using var checkpoint = Checkpoint.Open(ModelLocator.Locate(options.Model));
        if (checkpoint.Config.Int8 is not null)
        {
            throw new CheckpointException(checkpoint.Folder, "its matrices are int8 already. Name the original checkpoint.");
        }

        WeightFormat format = WeightFormatChoice.Choose(options, checkpoint.Config, checkpoint.StoredType);
        using var source = new CheckpointWeights(checkpoint, TorchNative.Load(options.LibTorchPath));
        using var partial = PartialFolder.Create(folder, ConfigFile, ConfigOf(checkpoint.Folder, format));
        new Int8CheckpointWriter(source, format, partial.Path, progress, cancellationToken).Write();
        foreach (string name in s_copied.Where(name => File.Exists(Path.Combine(checkpoint.Folder, name))))
        {
            File.Copy(Path.Combine(checkpoint.Folder, name), Path.Combine(partial.Path, name));
        }

        partial.Complete();
    }

    private static void RefuseDense(BloomChatClientOptions options)
    {
        if (options.WeightFormat is BloomWeightFormat.Dense)
        {
            var errors = new ValidateOptionsResultBuilder();
            errors.AddError("It is Dense, but what is written has int8 matrices. Leave it at Auto, or set it to Int8.", nameof(options.WeightFormat));
            throw new OptionsValidationException(Options.DefaultName, typeof(BloomChatClientOptions), errors.Build().Failures);
        }
    }

    private static string ConfigOf(string folder, WeightFormat format)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, ConfigFile)))!.AsObject();
        config[config.ContainsKey("dtype") ? "dtype" : "torch_dtype"] = format.Type switch
        {
            ScalarType.Float32 => "float32",
            ScalarType.Float16 => "float16",
            _ => "bfloat16",
        };
        config[Int8Declaration.Section] = Int8Declaration.Write(format.Int8!);
        return config.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }
}
