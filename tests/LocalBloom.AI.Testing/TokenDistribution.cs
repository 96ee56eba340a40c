namespace LocalBloom.AI.Testing;

/// <summary>What the sampling settings leave of the model's distribution, most probable first.</summary>
/// <param name="Ids">Tokens.</param>
/// <param name="Probabilities">Of each token, among all that are kept; they sum to 1 where every kept token is listed.</param>
internal readonly record struct TokenDistribution(int[] Ids, double[] Probabilities)
{
    /// <summary>Gets the token at a point of the cumulative distribution.</summary>
    /// <param name="point">In [0, 1).</param>
    public int At(double point)
    {
        double mass = 0;
        for (int i = 0; i < Ids.Length; i++)
        {
            mass += Probabilities[i];
            if (point < mass)
            {
                return Ids[i];
            }
        }

        return Ids[0]; // rounding left the sum a little below the point; the last token may have no probability at all
    }
}
