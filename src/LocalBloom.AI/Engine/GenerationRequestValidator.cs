using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;

namespace LocalBloom.AI.Engine;

/// <summary>Checks a request before it reaches the engine thread.</summary>
internal static class GenerationRequestValidator
{
    /// <summary>Throws for what cannot be served.</summary>
    /// <exception cref="ArgumentException">A property is out of range; the message names it.</exception>
    /// <exception cref="ContextOverflowException">The prompt leaves no room for a reply.</exception>
    public static void Validate(GenerationRequest request, int vocabularySize, ModelFootprint footprint)
    {
        ValidateIds(request.PromptIds, vocabularySize, footprint.ContextTokens - 1, footprint.ContextTokens);

        Check(request.MaxNewTokens >= 1, $"MaxNewTokens is {request.MaxNewTokens}, but must be at least 1");
        ValidateStopSequences(request.StopSequences);
        Check(request.Sampling is not null, "Sampling is null, but must be given; SamplingSettings.Greedy is the default");

        Check(request.Timeout is not { } timeout || timeout > TimeSpan.Zero, $"Timeout is {request.Timeout}, but must be above zero");
        ValidateSampling(request.Sampling!, vocabularySize);
        ValidateReplies(request, footprint);
    }

    /// <summary>Throws for tokens that cannot be computed.</summary>
    /// <inheritdoc cref="Validate"/>
    public static void ValidateIds(IReadOnlyList<int> ids, int vocabularySize, int maxTokens, int? maxContextTokens = null)
    {
        Check(ids is { Count: > 0 }, "PromptIds is empty, but at least one token is needed to continue from");
        if (ids.Count > maxTokens)
        {
            throw new ContextOverflowException(ids.Count, maxContextTokens ?? maxTokens);
        }

        foreach (int id in ids)
        {
            Check(id >= 0 && id < vocabularySize, $"PromptIds has the token {id}, which is not in the vocabulary of {vocabularySize}");
        }
    }

    private static void ValidateStopSequences(IReadOnlyList<string>? stops)
    {
        Check(stops is not null, "StopSequences is null, but must be given; an empty list is the default");
        Check(stops!.Count <= RequestBounds.MaxStopSequences, $"StopSequences has {stops.Count} texts, but may have at most {RequestBounds.MaxStopSequences}");
        foreach (string stop in stops)
        {
            Check(!string.IsNullOrEmpty(stop), "StopSequences has an empty text, at which every reply would end");
            Check(
                stop.Length <= RequestBounds.MaxStopSequenceLength,
                $"StopSequences has a text of {stop.Length} characters, but one may have at most {RequestBounds.MaxStopSequenceLength}");
        }
    }

    private static void ValidateSampling(SamplingSettings sampling, int vocabularySize)
    {
        Check(float.IsFinite(sampling.Temperature) && sampling.Temperature >= 0, $"Temperature is {sampling.Temperature}, but must be 0 or more");
        Check(sampling.TopK >= 0, $"TopK is {sampling.TopK}, but must be 0 (off) or more");
        Check(sampling.TopP is > 0 and <= 1, $"TopP is {sampling.TopP}, but must be above 0 and at most 1");
        Check(
            sampling.RepetitionPenalty is >= RequestBounds.MinRepetitionPenalty and <= RequestBounds.MaxRepetitionPenalty,
            $"RepetitionPenalty is {sampling.RepetitionPenalty}, but must be {RequestBounds.MinRepetitionPenalty} to {RequestBounds.MaxRepetitionPenalty}; 1 is none");
        Check(float.IsFinite(sampling.FrequencyPenalty), $"FrequencyPenalty is {sampling.FrequencyPenalty}, but must be finite");
        Check(float.IsFinite(sampling.PresencePenalty), $"PresencePenalty is {sampling.PresencePenalty}, but must be finite");
        Check(sampling.MinNewTokens >= 0, $"MinNewTokens is {sampling.MinNewTokens}, but must be 0 or more");
        Check(sampling.TopLogProbabilities is null or (>= 0 and <= 20), $"TopLogProbabilities is {sampling.TopLogProbabilities}, but must be 0 to 20, or null");
        Check(sampling.LogitBias is not null, "LogitBias is null, but must be given; an empty one is the default");
        Check(
            sampling.LogitBias!.Count <= RequestBounds.MaxLogitBiases,
            $"LogitBias has {sampling.LogitBias.Count} tokens, but may have at most {RequestBounds.MaxLogitBiases}");
        foreach ((int id, float bias) in sampling.LogitBias)
        {
            Check(id >= 0 && id < vocabularySize, $"LogitBias has the token {id}, which is not in the vocabulary of {vocabularySize}");
            Check(float.IsFinite(bias), $"LogitBias of the token {id} is {bias}, but must be finite");
        }
    }

    private static void ValidateReplies(GenerationRequest request, ModelFootprint footprint)
    {
        SamplingSettings sampling = request.Sampling;
        Check(sampling.ReplyCount is >= 1 and <= 16, $"ReplyCount is {sampling.ReplyCount}, but must be 1 to 16");
        Check(sampling.BeamCount is >= 1 and <= 16, $"BeamCount is {sampling.BeamCount}, but must be 1 to 16");
        Check(float.IsFinite(sampling.LengthPenalty), $"LengthPenalty is {sampling.LengthPenalty}, but must be finite");
        int sequences = Math.Max(sampling.ReplyCount, sampling.BeamCount);
        Check(sequences <= footprint.MaxSequences, $"it needs {sequences} replies at once, but the engine computes {footprint.MaxSequences}; raise MaxConcurrentReplies");
        if (sampling.BeamCount == 1)
        {
            return;
        }

        bool isPenalized = sampling.RepetitionPenalty != 1 || sampling.FrequencyPenalty != 0 || sampling.PresencePenalty != 0;
        Check(sampling.Temperature == 0 && !isPenalized, "BeamCount above 1 needs a temperature of 0 and no penalties: beam search draws nothing");
        Check(sampling.ReplyCount <= sampling.BeamCount, $"ReplyCount is {sampling.ReplyCount}, but only {sampling.BeamCount} beams are followed");
        int tokens = (int)Math.Min(footprint.ContextTokens, (long)request.PromptIds.Count + request.MaxNewTokens);
        int needed = sampling.BeamCount * LayerCache.BlockCount(tokens);
        Check(
            needed <= footprint.CacheBlocks,
            $"{sampling.BeamCount} beams of {tokens} tokens need a cache of {needed * LayerCache.BlockSize} tokens, but it has " +
            $"{footprint.CacheBlocks * LayerCache.BlockSize}; raise CacheTokens, or lower BeamCount or MaxNewTokens");
    }

    private static void Check(bool isRight, string problem, string parameter = "request")
    {
        if (!isRight)
        {
            throw new ArgumentException($"The request cannot be served: {problem}.", parameter);
        }
    }
}
