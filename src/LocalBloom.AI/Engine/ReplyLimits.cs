using LocalBloom.AI.Text;

namespace LocalBloom.AI.Engine;

/// <summary>Where the replies of a request end.</summary>
/// <param name="EndTokens">Tokens that end a reply.</param>
/// <param name="MaxNewTokens">The most tokens.</param>
/// <param name="StopSequences">Texts that end a reply.</param>
/// <param name="Tokenizer">Null for a model without text.</param>
internal sealed record ReplyLimits(IReadOnlyList<int> EndTokens, int MaxNewTokens, IReadOnlyList<string> StopSequences, BloomTokenizer? Tokenizer)
{
    /// <summary>Reads them from a request.</summary>
    public static ReplyLimits Of(GenerationRequest request, LoadedModel model) => new(
        request.IgnoreEndOfSequence ? [] : model.Config.EosTokenIds,
        Math.Min(request.MaxNewTokens, model.Plan.Footprint.ContextTokens - request.PromptIds.Count),
        request.StopSequences,
        model.Tokenizer);
}
