namespace LocalBloom.AI.Engine;

/// <summary>Bounds of a request that chat client and engine hold alike.</summary>
internal static class RequestBounds
{
    /// <summary>The smallest repetition penalty; logits divided by it stay finite.</summary>
    public const float MinRepetitionPenalty = 0.001f;

    /// <summary>The largest repetition penalty; logits multiplied by it stay finite.</summary>
    public const float MaxRepetitionPenalty = 1000;

    /// <summary>The most tokens with a bias: each is handled anew for every token of a reply.</summary>
    public const int MaxLogitBiases = 1024;

    /// <summary>The most stop sequences, the prompt template's among them: each is looked for wherever a reply's text may end.</summary>
    public const int MaxStopSequences = 64;

    /// <summary>The longest stop sequence, in UTF-16 units: so much text may be held back and compared again.</summary>
    public const int MaxStopSequenceLength = 1024;
}
