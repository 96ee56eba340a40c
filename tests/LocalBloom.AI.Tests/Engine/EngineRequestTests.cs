namespace LocalBloom.AI.Tests.Engine;

public class EngineRequestTests
{
    private static readonly SamplingSettings s_sampling = new() { Temperature = 1 };

    public static TheoryData<string, GenerationRequest> Invalid => new()
    {
        { "PromptIds", GoldenEngine.Greedy(1) with { PromptIds = [] } },
        { "PromptIds has the token -1", GoldenEngine.Greedy(1) with { PromptIds = [5, -1] } },
        { "PromptIds has the token 4096", GoldenEngine.Greedy(1) with { PromptIds = [4096] } },
        { "PromptIds", GoldenEngine.Greedy(1) with { PromptIds = null! } },
        { "StopSequences", GoldenEngine.Greedy(1) with { StopSequences = null! } },
        { "Sampling", GoldenEngine.Greedy(1) with { Sampling = null! } },
        { "MaxNewTokens", GoldenEngine.Greedy(0) },
        { "MaxNewTokens", GoldenEngine.Greedy(-5) },
        { "StopSequences", GoldenEngine.Greedy(1) with { StopSequences = ["a", ""] } },
        { "Temperature", Sampling(s_sampling with { Temperature = -0.1f }) },
        { "Temperature", Sampling(s_sampling with { Temperature = float.NaN }) },
        { "Temperature", Sampling(s_sampling with { Temperature = float.PositiveInfinity }) },
        { "TopK", Sampling(s_sampling with { TopK = -1 }) },
        { "TopP", Sampling(s_sampling with { TopP = 0 }) },
        { "TopP", Sampling(s_sampling with { TopP = 1.01f }) },
        { "TopP", Sampling(s_sampling with { TopP = float.NaN }) },
        { "RepetitionPenalty", Sampling(s_sampling with { RepetitionPenalty = 0 }) },
        { "RepetitionPenalty", Sampling(s_sampling with { RepetitionPenalty = float.PositiveInfinity }) },
        { "RepetitionPenalty", Sampling(s_sampling with { RepetitionPenalty = float.NaN }) },
        { "FrequencyPenalty", Sampling(s_sampling with { FrequencyPenalty = float.NaN }) },
        { "PresencePenalty", Sampling(s_sampling with { PresencePenalty = float.NegativeInfinity }) },
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Invalid))]
    public async Task GenerateAsync_InvalidProperty_IsRefusedByName(string name, GenerationRequest request)
    {
        using BloomEngine engine = GoldenEngine.Create();

        var thrown = await Assert.ThrowsAsync<ArgumentException>(nameof(request), () => engine.Collect(request, Cancellation).Soon());

        Assert.Contains(name, thrown.Message, StringComparison.Ordinal);
        Assert.Single(await engine.Collect(GoldenEngine.Greedy(1), Cancellation).Soon());
    }

    [Fact]
    public async Task GenerateAsync_Null_IsRefused()
    {
        using BloomEngine engine = GoldenEngine.Create();

        await Assert.ThrowsAsync<ArgumentNullException>("request", () => engine.Collect(null!, Cancellation));
    }

    [Fact]
    public async Task GenerateAsync_WhatTheCallerChangesLater_ReachesNothing()
    {
        using BloomEngine engine = GoldenEngine.Create();
        var bias = new Dictionary<int, float> { [7] = 1 };
        var stops = new List<string> { "never to come" };
        GenerationRequest request = GoldenEngine.Sampled(3, 40) with { StopSequences = stops };
        request = request with { Sampling = request.Sampling with { LogitBias = bias } };
        List<GenerationDelta> unchanged = await engine.Collect(request, Cancellation).Soon();
        var neighbour = engine.Collect(GoldenEngine.Sampled(4, 60), Cancellation);

        var ids = new List<int>();
        await foreach (GenerationDelta delta in engine.GenerateAsync(request, Cancellation))
        {
            ids.Add(delta.TokenId);
            (bias[7], bias[999_999_999]) = (-100, 100); // the one would change the reply, the other is no token at all
            stops.Add(" ");
        }

        Assert.Equal(unchanged.Select(delta => delta.TokenId), ids);
        Assert.Equal(60, (await neighbour.Soon()).Count);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(17)]
    public async Task GenerateAsync_PromptFillsTheContext_IsRefusedWithBothNumbers(int tokens)
    {
        using BloomEngine engine = GoldenEngine.Create(context: 16);

        var thrown = await Assert.ThrowsAsync<ContextOverflowException>(() =>
            engine.Collect(GoldenEngine.Greedy(1) with { PromptIds = [.. Enumerable.Repeat(5, tokens)] }, Cancellation).Soon());

        Assert.Equal((tokens, 16), (thrown.PromptTokens, thrown.MaxContextTokens));
    }

    private static GenerationRequest Sampling(SamplingSettings settings) => GoldenEngine.Greedy(1) with { Sampling = settings };
}
