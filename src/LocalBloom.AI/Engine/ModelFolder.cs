using LocalBloom.AI.Chat;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Native;
using LocalBloom.AI.Text;
using LocalBloom.AI.Weights;

namespace LocalBloom.AI.Engine;

/// <summary>What an engine finds in the folder of a model.</summary>
internal static class ModelFolder
{
    /// <summary>Opens weights and tokenizer.</summary>
    /// <param name="options">Names the model.</param>
    /// <param name="native">Wraps mapped memory as tensors.</param>
    /// <exception cref="CheckpointException">The folder is not there, or broken.</exception>
    public static (IWeightSource Source, BloomTokenizer? Tokenizer) Open(BloomChatClientOptions options, TorchNative native)
    {
        var checkpoint = Checkpoint.Open(ModelLocator.Locate(options.Model));
        try
        {
            return (new CheckpointWeights(checkpoint, native), OpenTokenizer(checkpoint));
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    private static BloomTokenizer OpenTokenizer(Checkpoint checkpoint)
    {
        if (!File.Exists(checkpoint.TokenizerPath))
        {
            throw new CheckpointException(checkpoint.Folder, "there is no file tokenizer.json. Get it from where the weights came from.");
        }

        var tokenizer = BloomTokenizer.Load(checkpoint.TokenizerPath);
        return tokenizer.VocabularySize <= checkpoint.Config.VocabularySize
            ? tokenizer
            : throw new CheckpointException(
                checkpoint.TokenizerPath,
                $"it has {tokenizer.VocabularySize} tokens, but the model of config.json knows {checkpoint.Config.VocabularySize}: they belong to different models.");
    }

    /// <summary>Gets a model's name: the hub id, or the folder's name.</summary>
    public static string NameOf(string model) =>
        Directory.Exists(model) && Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model))) is { Length: > 0 } name ? name : model;

    /// <summary>Gets the prompt template that a checkpoint declares; null where it declares none, or is not found: loading says so then.</summary>
    /// <exception cref="CheckpointException">The declaration is broken.</exception>
    public static PromptTemplate? FindDeclaredTemplate(string model)
    {
        string folder;
        try
        {
            folder = ModelLocator.Locate(model);
        }
        catch (CheckpointException)
        {
            return null;
        }

        return DeclaredTemplate.TryRead(folder);
    }
}
