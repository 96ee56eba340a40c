using static TorchSharp.torch;

namespace LocalBloom.AI.Testing;

/// <summary>What eight bits may cost where activations keep their digits. Subclass once per strategy with int8 matrices.</summary>
/// <param name="fixture">The models.</param>
public abstract class Int8Suite<TStrategy>(StrategyFixture<TStrategy> fixture) : LlmInt8Suite<TStrategy>(fixture)
    where TStrategy : IStrategy
{
    // As in HalfPrecisionSuite.
    private const int RoundingsPerLayer = 10;

    [Theory]
    [MemberData(nameof(Cases))]
    public void PromptInPieces_GivesTheSameLogits(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];

        float[] whole = Models.Model(model).Logits(golden.Ids)[^1];
        float[] pieces = Models.Model(model).Logits(golden.Ids, stepRows: 3)[^1];

        // As dense: the weights are the same eight bits, only sums go in another order.
        double relative = Models.Model(model).Loaded.Plan.Footprint.Type switch
        {
            ScalarType.Float16 => RoundingsPerLayer * Models.Model(model).Loaded.Config.LayerCount * HalfPrecisionSuite<TStrategy>.Float16,
            ScalarType.BFloat16 => RoundingsPerLayer * Models.Model(model).Loaded.Config.LayerCount * HalfPrecisionSuite<TStrategy>.BFloat16,
            _ => 1e-3,
        };
        double tolerance = relative * whole.Max(Math.Abs);
        Assert.All(whole.Zip(pieces), pair => Assert.Equal(pair.First, pair.Second, tolerance));
    }
}
