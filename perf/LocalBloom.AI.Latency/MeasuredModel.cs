using LocalBloom.AI.Engine;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Latency;

/// <summary>A loaded model with the prompt that it is measured on.</summary>
internal sealed class MeasuredModel : IDisposable
{
    private MeasuredModel(BloomEngine engine, IChatClient? client) => (Engine, Client) = (engine, client);

    public BloomEngine Engine { get; }

    /// <summary>Gets the client over the same engine; <see langword="null"/> where random weights leave it without a tokenizer.</summary>
    public IChatClient? Client { get; }

    public IReadOnlyList<int> PromptIds { get; private set; } = [];

    public long? WeightBytes { get; private set; }

    public static async Task<MeasuredModel> LoadAsync(LatencyArguments arguments, Target target, CancellationToken cancellationToken)
    {
        var options = new BloomChatClientOptions
        {
            Model = arguments.Model ?? arguments.Shape!,
            Strategy = target.Strategy,
            Devices = [.. target.Devices],
            NumberType = arguments.NumberType,
        };
        MeasuredModel model = arguments.Shape is { } shape ? new(BloomEngine.WithRandomWeights(shape, options), null) : OfCheckpoint(options);
        try
        {
            await model.Engine.LoadAsync(new WeightCounter(model), cancellationToken);
            model.PromptIds = arguments.Shape is null
                ? ((IGenerationEngine)model.Engine).Encode((options.PromptTemplate ?? PromptTemplate.Bloomz).Render([new ChatMessage(ChatRole.User, SeedPrompt.Text)]))
                : RecordedPrompt.For(LatencyArguments.VocabularyOf(arguments.Shape));
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Client?.Dispose();
        Engine.Dispose();
    }

    private static MeasuredModel OfCheckpoint(BloomChatClientOptions options)
    {
        var client = new BloomChatClient(options);
        return new(client.GetRequiredService<BloomEngine>(), client);
    }

    private sealed class WeightCounter(MeasuredModel model) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => model.WeightBytes = value.BytesTotal;
    }
}
