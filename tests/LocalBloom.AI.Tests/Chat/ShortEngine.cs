using LocalBloom.AI.Engine;

namespace LocalBloom.AI.Tests.Chat;

/// <summary>A fake engine with a context of so many characters, which refuses what leaves no room for a reply, as the real one does.</summary>
internal sealed class ShortEngine(int context) : IGenerationEngine
{
    public FakeGenerationEngine Inner { get; } = new(FakeGenerationEngine.Script("ok"));

    public int Encodings { get; private set; }

    public string ModelId => Inner.ModelId;

    public int MaxContextTokens => Inner.Loads > 0 ? context : throw new InvalidOperationException("The model is not loaded.");

    public PromptTemplate? FindDeclaredTemplate() => null;

    public ReadOnlyMemory<byte> TokenBytes(int tokenId) => Inner.TokenBytes(tokenId);

    public Task LoadAsync(IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Inner.LoadAsync(progress, cancellationToken);

    public IReadOnlyList<int> Encode(IReadOnlyList<PromptPart> prompt)
    {
        Encodings++;
        IReadOnlyList<int> ids = Inner.Encode(prompt);
        return ids.Count < MaxContextTokens ? ids : throw new ContextOverflowException(ids.Count, MaxContextTokens);
    }

    public IAsyncEnumerable<GenerationDelta> GenerateAsync(GenerationRequest request, CancellationToken cancellationToken = default) =>
        Inner.GenerateAsync(request, cancellationToken);

    public void Dispose() => Inner.Dispose();
}
