using LocalBloom.AI.Text;

namespace LocalBloom.AI.Engine;

/// <summary>What the chat client needs of an engine. Safe for concurrent use.</summary>
internal interface IGenerationEngine
{
    /// <summary>Gets the model's name, known before it is loaded.</summary>
    string ModelId { get; }

    /// <summary>Gets the most tokens that prompt and reply have together; throws <see cref="InvalidOperationException"/> before the model is loaded.</summary>
    int MaxContextTokens { get; }

    /// <summary>Gets the tokenizer; throws <see cref="InvalidOperationException"/> before the model is loaded.</summary>
    BloomTokenizer Tokenizer { get; }

    /// <summary>Loads the model unless it is loaded; concurrent calls share one load.</summary>
    Task LoadAsync(IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>Generates one sequence; the enumeration throws <see cref="OperationCanceledException"/> when cancelled.</summary>
    IAsyncEnumerable<GenerationDelta> GenerateAsync(GenerationRequest request, CancellationToken cancellationToken = default);
}
