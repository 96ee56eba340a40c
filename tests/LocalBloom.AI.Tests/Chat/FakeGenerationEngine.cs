using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using LocalBloom.AI.Engine;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Chat;

/// <summary>An engine that plays a script and records what it was asked. Its "token ids" are the UTF-16 units of the prompt.</summary>
internal sealed class FakeGenerationEngine(params GenerationDelta[] script) : IGenerationEngine
{
    private int _loads;
    private int _disposals;

    public string ModelId => "test/bloom";

    public int MaxContextTokens { get; set; } = 2048;

    public PromptTemplate? FindDeclaredTemplate() => null;

    public ReadOnlyMemory<byte> TokenBytes(int tokenId) => Bytes(tokenId);

    public ConcurrentQueue<GenerationRequest> Requests { get; } = new();

    public ConcurrentQueue<IReadOnlyList<PromptPart>> Prompts { get; } = new();

    public int Loads => _loads;

    public int Disposals => _disposals;

    /// <summary>Gets or sets what happens before each delta. The default honours cancellation, as an engine must.</summary>
    public Func<GenerationRequest, CancellationToken, Task> BeforeDelta { get; set; } =
        (_, cancellationToken) => cancellationToken.IsCancellationRequested ? Task.FromCanceled(cancellationToken) : Task.CompletedTask;

    /// <summary>Gets or sets the deltas for a request; the script by default.</summary>
    public Func<GenerationRequest, IReadOnlyList<GenerationDelta>> Reply { get; set; } = _ => script;

    /// <summary>Gets or sets the bytes of a token.</summary>
    public Func<int, byte[]> Bytes { get; set; } = id => Encoding.UTF8.GetBytes($"<{id}>");

    /// <summary>Gets or sets what happens once all deltas have come.</summary>
    public Action AfterDeltas { get; set; } = () => { };

    public GenerationRequest LastRequest => Requests.Last();

    public string LastPrompt => TextOf(LastRequest);

    /// <summary>Makes a script: a token for each text, the last with the finish reason.</summary>
    public static GenerationDelta[] Script(params string[] texts) =>
        [.. texts.Select((text, i) => new GenerationDelta(i, text, i == texts.Length - 1 ? ChatFinishReason.Stop : null))];

    public static string TextOf(GenerationRequest request) => string.Concat(request.PromptIds.Select(id => (char)id));

    public Task LoadAsync(IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _loads);
        progress?.Report(new LoadProgress(1, 1, "word_embeddings.weight"));
        return cancellationToken.IsCancellationRequested ? Task.FromCanceled(cancellationToken) : Task.CompletedTask;
    }

    public IReadOnlyList<int> Encode(IReadOnlyList<PromptPart> prompt)
    {
        Prompts.Enqueue(prompt);
        return [.. prompt.SelectMany(part => part.Value).Select(unit => (int)unit)];
    }

    public async IAsyncEnumerable<GenerationDelta> GenerateAsync(
        GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        Requests.Enqueue(request);
        foreach (GenerationDelta delta in Reply(request))
        {
            await BeforeDelta(request, cancellationToken);
            yield return delta;
        }

        AfterDeltas();
    }

    public void Dispose() => Interlocked.Increment(ref _disposals);
}
