using LocalBloom.AI.Engine;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;
using LocalBloom.AI.Samples;

namespace LocalBloom.AI.Latency;

/// <summary>Prompts of given lengths, of recorded ids with any model. No two begin alike, and none as the protocol's own.</summary>
internal sealed class PromptLengths
{
    private readonly int _vocabulary;

    /// <summary>Initializes a new instance of the <see cref="PromptLengths"/> class from the model's sizes alone: nothing is loaded.</summary>
    /// <exception cref="CheckpointException">The model is not there.</exception>
    /// <exception cref="UsageException">A prompt leaves no room for a new token.</exception>
    public PromptLengths(LatencyArguments arguments)
    {
        Lengths = arguments.PromptTokens;
        if (Lengths.Count == 0)
        {
            return;
        }

        BloomConfig config = arguments.Shape is { } shape ? BloomConfig.ForShape(shape) : BloomConfigReader.Read(ModelLocator.Locate(arguments.Model!));
        _vocabulary = config.VocabularySize;
        int most = (config.MaxContextTokens ?? ModelPlanner.TrainedContext) - 1;
        if (Lengths[^1] > most)
        {
            throw new UsageException($"--prompt-tokens takes numbers from 1 to {most} for this model, not '{Lengths[^1]}': its context has {most + 1} tokens, one of them new.");
        }
    }

    /// <summary>Gets the lengths, ascending; empty where none are asked for.</summary>
    public IReadOnlyList<int> Lengths { get; }

    /// <summary>Gets a length's prompt.</summary>
    /// <param name="index">Which length.</param>
    public IReadOnlyList<int> Prompt(int index) => RecordedPrompt.OfLength(Lengths[index], _vocabulary, caller: index + 1);
}
