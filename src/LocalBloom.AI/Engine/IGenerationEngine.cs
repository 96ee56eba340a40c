namespace LocalBloom.AI.Engine;

/// <summary>What the chat client needs of an engine. Safe for concurrent use; disposed by whoever created it.</summary>
internal interface IGenerationEngine : IDisposable
{
    /// <summary>Gets the model's name, known before it is loaded.</summary>
    string ModelId { get; }

    /// <summary>Gets the prompt template that the checkpoint declares; null where it declares none, or is not found: loading says so then.</summary>
    /// <exception cref="CheckpointException">The declaration is broken.</exception>
    PromptTemplate? FindDeclaredTemplate();

    /// <summary>Loads the model unless it is loaded; concurrent calls share one load.</summary>
    Task LoadAsync(IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>Encodes a prompt on the caller's thread, refusing what cannot fit before it is encoded.</summary>
    /// <param name="prompt">Text and special tokens in order.</param>
    /// <exception cref="InvalidOperationException">The model is not loaded.</exception>
    /// <exception cref="ContextOverflowException">The prompt leaves no room for a reply in the context.</exception>
    /// <exception cref="ArgumentException">A part names a special token that the vocabulary lacks.</exception>
    IReadOnlyList<int> Encode(IReadOnlyList<PromptPart> prompt);

    /// <summary>Gets the most tokens that prompt and reply have together.</summary>
    /// <exception cref="InvalidOperationException">The model is not loaded.</exception>
    int MaxContextTokens { get; }

    /// <summary>Gets a token's bytes: UTF-8, but possibly a part of a character.</summary>
    /// <param name="tokenId">A token of a delta.</param>
    /// <exception cref="InvalidOperationException">The model is not loaded, or has no tokenizer.</exception>
    ReadOnlyMemory<byte> TokenBytes(int tokenId);

    /// <summary>Generates the replies to a prompt; the enumeration throws <see cref="OperationCanceledException"/> when cancelled.</summary>
    IAsyncEnumerable<GenerationDelta> GenerateAsync(GenerationRequest request, CancellationToken cancellationToken = default);
}
