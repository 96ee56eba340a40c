using LocalBloom.AI.Model;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Latency;

/// <summary>A loaded model with the prompt that it is measured on.</summary>
internal sealed class MeasuredModel : IDisposable
{
    private readonly Func<int, IReadOnlyList<int>> _encode;

    private MeasuredModel(BloomEngine engine, IChatClient? client, Func<int, IReadOnlyList<int>> encode) => (Engine, Client, _encode) = (engine, client, encode);

    public BloomEngine Engine { get; }

    /// <summary>Gets the client over the same engine; <see langword="null"/> where random weights leave it without a tokenizer, or one rank without sense.</summary>
    public IChatClient? Client { get; }

    /// <summary>Gets the ids of the protocol's prompt.</summary>
    public IReadOnlyList<int> PromptIds { get; private set; } = [];

    public long? WeightBytes { get; private set; }

    public static async Task<MeasuredModel> LoadAsync(LatencyArguments arguments, Target target, CancellationToken cancellationToken)
    {
        BloomChatClientOptions options = arguments.OptionsFor(target);
        MeasuredModel model = arguments.Shape is { } shape ? OfShape(shape, options) : OfCheckpoint(options, hasText: !target.IsOneRank);
        model.Engine.Arrange = target.IsOneRank ? LoneRank.Of : null;
        try
        {
            await model.Engine.LoadAsync(new WeightCounter(model), cancellationToken);
            model.PromptIds = model.EncodePrompt(caller: 0);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Gets a caller's prompt. No two begin alike, so that nothing can be shared; the first is the protocol's own.</summary>
    public static string PromptText(int caller) => caller == 0 ? SeedPrompt.Text : $"{caller}. {SeedPrompt.Text}";

    /// <summary>Gets the ids of a caller's prompt: those of its text, where there is a tokenizer.</summary>
    public IReadOnlyList<int> EncodePrompt(int caller) => _encode(caller);

    public void Dispose()
    {
        Client?.Dispose();
        Engine.Dispose();
    }

    private static MeasuredModel OfCheckpoint(BloomChatClientOptions options, bool hasText)
    {
        var client = new BloomChatClient(options);
        BloomEngine engine = client.GetRequiredService<BloomEngine>();
        PromptTemplate template = options.PromptTemplate ?? PromptTemplate.Bloomz;
        return new(engine, hasText ? client : null, caller => engine.Encode(template.Render([new ChatMessage(ChatRole.User, PromptText(caller))])));
    }

    private static MeasuredModel OfShape(string shape, BloomChatClientOptions options)
    {
        int vocabulary = BloomConfig.ForShape(shape).VocabularySize;
        return new(BloomEngine.WithRandomWeights(shape, options), client: null, caller => RecordedPrompt.For(vocabulary, caller));
    }

    private sealed class WeightCounter(MeasuredModel model) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => model.WeightBytes = value.BytesTotal;
    }
}
