namespace LocalBloom.AI.Engine;

/// <summary>Checks a request before it reaches the engine thread.</summary>
internal static class GenerationRequestValidator
{
    /// <summary>Throws for what cannot be served.</summary>
    /// <exception cref="ArgumentException">A property is out of range; the message names it.</exception>
    /// <exception cref="ContextOverflowException">The prompt leaves no room for a reply.</exception>
    public static void Validate(GenerationRequest request, int vocabularySize, int maxContextTokens)
    {
        Check(request.PromptIds is { Count: > 0 }, "PromptIds is empty, but at least one token is needed to continue from");
        if (request.PromptIds.Count >= maxContextTokens)
        {
            throw new ContextOverflowException(request.PromptIds.Count, maxContextTokens);
        }

        foreach (int id in request.PromptIds)
        {
            Check(id >= 0 && id < vocabularySize, $"PromptIds has the token {id}, which is not in the vocabulary of {vocabularySize}");
        }

        Check(request.MaxNewTokens >= 1, $"MaxNewTokens is {request.MaxNewTokens}, but must be at least 1");
        Check(request.StopSequences?.All(stop => !string.IsNullOrEmpty(stop)) == true, "StopSequences is null or has an empty one");
        Check(request.Sampling is not null, "Sampling is null, but must be given; SamplingSettings.Greedy is the default");

        SamplingSettings sampling = request.Sampling!;
        Check(float.IsFinite(sampling.Temperature) && sampling.Temperature >= 0, $"Temperature is {sampling.Temperature}, but must be 0 or more");
        Check(sampling.TopK >= 0, $"TopK is {sampling.TopK}, but must be 0 (off) or more");
        Check(sampling.TopP is > 0 and <= 1, $"TopP is {sampling.TopP}, but must be above 0 and at most 1");
        Check(float.IsFinite(sampling.RepetitionPenalty) && sampling.RepetitionPenalty > 0, $"RepetitionPenalty is {sampling.RepetitionPenalty}, but must be above 0");
        Check(float.IsFinite(sampling.FrequencyPenalty), $"FrequencyPenalty is {sampling.FrequencyPenalty}, but must be finite");
        Check(float.IsFinite(sampling.PresencePenalty), $"PresencePenalty is {sampling.PresencePenalty}, but must be finite");

        static void Check(bool isRight, string problem)
        {
            if (!isRight)
            {
                throw new ArgumentException($"The request cannot be served: {problem}.", nameof(request));
            }
        }
    }
}
