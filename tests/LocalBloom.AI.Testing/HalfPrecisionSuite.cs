namespace LocalBloom.AI.Testing;

/// <summary>Reference values in 16 bits: equal within what rounding can do. Subclass once per strategy and number type.</summary>
/// <param name="fixture">The models.</param>
/// <param name="unitRoundoff">Half the step between numbers at 1: 2⁻¹¹ for float16, 2⁻⁸ for bfloat16.</param>
public abstract class HalfPrecisionSuite<TStrategy>(StrategyFixture<TStrategy> fixture, double unitRoundoff) : IClassFixture<StrategyFixture<TStrategy>>
    where TStrategy : IStrategy
{
    public const double Float16 = 1.0 / (1 << 11);
    public const double BFloat16 = 1.0 / (1 << 8);

    // A layer rounds the stream, and what is added to it, some ten times; each rounding moves a logit by up to unitRoundoff of the largest.
    private const int RoundingsPerLayer = 10;

    public static TheoryData<string, int> Cases => Golden.Cases;

    [Theory]
    [MemberData(nameof(Cases))]
    public void LastLogits_AreTheReference_WithinRounding(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];

        float[] logits = fixture.Model(model).Logits(golden.Ids)[^1];

        double tolerance = Tolerance(model, logits);
        for (int i = 0; i < golden.LastLogitsTop50.Ids.Count; i++)
        {
            Assert.Equal(golden.LastLogitsTop50.Values[i], logits[golden.LastLogitsTop50.Ids[i]], tolerance);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void GreedyTokens_AreTheReference_WhereTheMarginIsBeyondRounding(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];
        int[] ids = [.. golden.Ids, .. golden.Greedy24];

        float[][] logits = fixture.Model(model).Logits(ids);

        for (int i = golden.Ids.Count; i < ids.Length; i++)
        {
            float[] row = logits[i - 1];
            Assert.True(row[ids[i]] >= row.Max() - (2 * Tolerance(model, row)), $"token {i} should be {ids[i]}");
        }
    }

    private double Tolerance(string model, float[] logits) =>
        RoundingsPerLayer * fixture.Model(model).Loaded.Config.LayerCount * unitRoundoff * logits.Max(Math.Abs);
}
