namespace LocalBloom.AI.Testing;

/// <summary>How probable a model finds a text.</summary>
internal static class LogLikelihood
{
    /// <summary>Gets −Σ ln p of every token after the first.</summary>
    /// <param name="logits">Of every position, [tokens][vocabulary].</param>
    /// <param name="ids">[tokens].</param>
    public static double NegativeOfPrompt(float[][] logits, IReadOnlyList<int> ids) =>
        Enumerable.Range(1, ids.Count - 1).Sum(i => Negative(logits[i - 1], ids[i]));

    private static double Negative(float[] logits, int id)
    {
        double largest = logits.Max();
        return largest + Math.Log(logits.Sum(logit => Math.Exp(logit - largest))) - logits[id];
    }
}
