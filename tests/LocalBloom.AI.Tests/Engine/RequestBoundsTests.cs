using LocalBloom.AI.Chat;
using LocalBloom.AI.Engine;
using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Engine;

/// <summary>What the chat client accepts, the engine accepts too, up to the same bounds.</summary>
public class RequestBoundsTests
{
    private const int Vocabulary = 5000;

    private static readonly ModelFootprint s_footprint = new(BloomConfig.ForShape("1,64,4,5000"), new WeightFormat(ScalarType.Float32), 16) { MaxSequences = 8, CacheTokens = 64 };

    [Theory]
    [InlineData(0.001f, true)]
    [InlineData(1000f, true)]
    [InlineData(1e-45f, false)]
    [InlineData(0f, false)]
    [InlineData(0.000999f, false)]
    [InlineData(1000.1f, false)]
    [InlineData(float.NaN, false)]
    [InlineData(float.PositiveInfinity, false)]
    public void RepetitionPenalty(float penalty, bool isRight) =>
        CheckBoth(new SamplingSettings { RepetitionPenalty = penalty }, isRight, "repetition_penalty", "RepetitionPenalty", "0.001", "1000");

    [Theory]
    [InlineData(1024, true)]
    [InlineData(1025, false)]
    public void LogitBias(int count, bool isRight) =>
        CheckBoth(
            new SamplingSettings { LogitBias = Enumerable.Range(0, count).ToDictionary(id => id, _ => 1f) }, isRight, "logit_bias", "LogitBias", "1024", "1025");

    [Theory]
    [InlineData(0.001f)]
    [InlineData(1000f)]
    public async Task RepetitionPenalty_AtItsBounds_GivesAReply(float penalty)
    {
        using BloomEngine engine = GoldenEngine.Create();
        GenerationRequest request = GoldenEngine.Sampled(seed: 1, tokens: 8);

        List<GenerationDelta> deltas = await engine.Collect(
            request with { Sampling = request.Sampling with { RepetitionPenalty = penalty } }, TestContext.Current.CancellationToken).Soon();

        Assert.Equal(8, deltas.Count);
    }

    private static void CheckBoth(SamplingSettings settings, bool isRight, string option, string property, params string[] told)
    {
        var request = new GenerationRequest { PromptIds = [1], MaxNewTokens = 1, Sampling = settings };
        Exception? ofClient = Record.Exception(() => SamplingRanges.Check(settings));
        Exception? ofEngine = Record.Exception(() => GenerationRequestValidator.Validate(request, Vocabulary, s_footprint));
        if (isRight)
        {
            Assert.Null(ofClient);
            Assert.Null(ofEngine);
            return;
        }

        Assert.Equal(option, Assert.IsType<ArgumentOutOfRangeException>(ofClient).ParamName);
        Assert.Contains(property, Assert.IsType<ArgumentException>(ofEngine).Message, StringComparison.Ordinal);
        Assert.All(told, number => Assert.Contains(number, ofClient.Message, StringComparison.Ordinal));
        Assert.All(told, number => Assert.Contains(number, ofEngine.Message, StringComparison.Ordinal));
    }
}
