namespace LocalBloom.AI.Testing;

/// <summary>What eight bits may cost, whatever is done with activations: rounded by their own largest, they depend on what is computed with them.</summary>
/// <param name="fixture">The models.</param>
public abstract class LlmInt8Suite<TStrategy>(StrategyFixture<TStrategy> fixture) : IClassFixture<StrategyFixture<TStrategy>>
    where TStrategy : IStrategy
{
    public static TheoryData<string, int> Cases => Golden.Cases;

    [Theory]
    [MemberData(nameof(Cases))]
    public void PromptNll_IsTheReference_WithinWhatEightBitsCost(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];

        double nll = LogLikelihood.NegativeOfPrompt(Models.Model(model).Logits(golden.Ids), golden.Ids);

        Assert.Equal(golden.PromptNll, nll, Math.Max(1e-6, NllShare(model) * golden.PromptNll));
    }

    /// <summary>Gets by which share of the reference the loss of a prompt may be off.</summary>
    /// <param name="model">The model's folder.</param>
    protected virtual double NllShare(string model) => 1e-2;

    /// <summary>Gets the models.</summary>
    protected StrategyFixture<TStrategy> Models => fixture;

    [Fact]
    public void Matrices_TakeHalfOfSixteenBits()
    {
        foreach (string model in Cases.Select(row => row.Data.Item1).Distinct())
        {
            var footprint = Models.Model(model).Loaded.Plan.Footprint;
            Assert.True(footprint.Format.IsInt8);
            Assert.True(footprint.TotalWeightBytes < (footprint with { Format = new(footprint.Type) }).TotalWeightBytes);
        }
    }
}
