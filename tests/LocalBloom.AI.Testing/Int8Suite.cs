using static TorchSharp.torch;

namespace LocalBloom.AI.Testing;

/// <summary>What eight bits may cost. Subclass once per strategy with int8 matrices.</summary>
/// <param name="fixture">The models.</param>
public abstract class Int8Suite<TStrategy>(StrategyFixture<TStrategy> fixture) : IClassFixture<StrategyFixture<TStrategy>>
    where TStrategy : IStrategy
{
    // As in HalfPrecisionSuite.
    private const int RoundingsPerLayer = 10;

    public static TheoryData<string, int> Cases => Golden.Cases;

    [Theory]
    [MemberData(nameof(Cases))]
    public void PromptNll_IsWithinOnePercentOfTheReference(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];

        double nll = LogLikelihood.NegativeOfPrompt(fixture.Model(model).Logits(golden.Ids), golden.Ids);

        Assert.Equal(golden.PromptNll, nll, Math.Max(1e-6, 1e-2 * golden.PromptNll));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void PromptInPieces_GivesTheSameLogits(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];

        float[] whole = fixture.Model(model).Logits(golden.Ids)[^1];
        float[] pieces = fixture.Model(model).Logits(golden.Ids, stepRows: 3)[^1];

        // As dense: the weights are the same eight bits, only sums go in another order.
        double relative = fixture.Model(model).Loaded.Plan.Footprint.Type switch
        {
            ScalarType.Float16 => RoundingsPerLayer * fixture.Model(model).Loaded.Config.LayerCount * HalfPrecisionSuite<TStrategy>.Float16,
            ScalarType.BFloat16 => RoundingsPerLayer * fixture.Model(model).Loaded.Config.LayerCount * HalfPrecisionSuite<TStrategy>.BFloat16,
            _ => 1e-3,
        };
        double tolerance = relative * whole.Max(Math.Abs);
        Assert.All(whole.Zip(pieces), pair => Assert.Equal(pair.First, pair.Second, tolerance));
    }

    [Fact]
    public void Matrices_TakeHalfOfSixteenBits()
    {
        foreach (string model in Cases.Select(row => row.Data.Item1).Distinct())
        {
            var footprint = fixture.Model(model).Loaded.Plan.Footprint;
            Assert.True(footprint.Format.IsInt8);
            Assert.True(footprint.TotalWeightBytes < (footprint with { Format = new(footprint.Type) }).TotalWeightBytes);
        }
    }
}
