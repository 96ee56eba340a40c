using System.Globalization;
using System.Text.RegularExpressions;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Testing;

/// <summary>Every reference value, in float32. Subclass once per strategy.</summary>
public abstract partial class GoldenSuite<TStrategy>(StrategyFixture<TStrategy> fixture) : IClassFixture<StrategyFixture<TStrategy>>
    where TStrategy : IStrategy
{
    public static TheoryData<string, int> Cases => Golden.Cases;

    public static TheoryData<string, int> TextCases => Golden.TextCases;

    [Theory]
    [MemberData(nameof(TextCases))]
    public void Prompt_HasTheReferenceIds(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];

        Assert.Equal(golden.Ids, fixture.Model(model).Tokenizer.EncodeWithSpecialTokens(golden.Prompt!));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void LastLogits_AreTheReference(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];

        float[] logits = fixture.Model(model).Logits(golden.Ids)[^1];

        double tolerance = 1e-3 * logits.Max(Math.Abs);
        for (int i = 0; i < golden.LastLogitsTop50.Ids.Count; i++)
        {
            Assert.Equal(golden.LastLogitsTop50.Values[i], logits[golden.LastLogitsTop50.Ids[i]], tolerance);
        }

        for (int i = 0; i < golden.LastLogitsEvery97.Count; i++)
        {
            Assert.Equal(golden.LastLogitsEvery97[i], logits[97 * i], tolerance);
        }

        double norm = Math.Sqrt(logits.Sum(logit => (double)logit * logit));
        Assert.Equal(golden.LastLogitsNorm, norm, 1e-3 * golden.LastLogitsNorm);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void PromptNll_IsTheReference(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];

        double nll = LogLikelihood.NegativeOfPrompt(fixture.Model(model).Logits(golden.Ids), golden.Ids);

        Assert.Equal(golden.PromptNll, nll, Math.Max(1e-6, 1e-3 * golden.PromptNll));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void PromptInPieces_GivesTheSameLogits(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];

        float[] whole = fixture.Model(model).Logits(golden.Ids)[^1];
        float[] pieces = fixture.Model(model).Logits(golden.Ids, stepRows: 3)[^1];

        // Other row counts take other summation orders; the reference's own tolerance bounds what they may do.
        double tolerance = 1e-3 * whole.Max(Math.Abs);
        Assert.All(whole.Zip(pieces), pair => Assert.Equal(pair.First, pair.Second, tolerance));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task GreedyTokens_AreTheReference(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];

        Assert.Equal(golden.Greedy24, await Generate(model, golden, ignoreEndOfSequence: true));
        Assert.Equal(golden.Greedy24Eos, await Generate(model, golden, ignoreEndOfSequence: false));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void SamplingSettings_LeaveTheReferenceDistribution(string model, int number)
    {
        GoldenCase golden = Golden.Read(model).Cases[number];
        float[] logits = fixture.Model(model).Logits(golden.Ids)[^1];
        using DisposeScope scope = NewDisposeScope();

        foreach ((string name, GoldenDistribution reference) in golden.Warped)
        {
            SamplingSettings settings = ParseSettings(name);
            Tensor penalized = new ReferenceSampler(settings, golden.Ids).Penalize(tensor(logits));
            TokenDistribution ours = ReferenceSampler.Warp(penalized, settings, mass: 1);

            if (settings.TopK > 0 || settings.TopP < 1)
            {
                Assert.Equal(reference.Kept, ours.Ids.Length);
            }

            Dictionary<int, double> probabilities = ours.Ids.Zip(ours.Probabilities).ToDictionary(pair => pair.First, pair => pair.Second);
            for (int i = 0; i < reference.TopIds.Count; i++)
            {
                Assert.Equal(reference.TopProbs[i], probabilities[reference.TopIds[i]], 1e-4);
            }
        }
    }

    // Names tell the settings: temperature_0.7, top_k_20, top_p_0.9, repetition_1.3, rep1.2_temp0.8_k50_p0.95.
    private static SamplingSettings ParseSettings(string name)
    {
        float Value(string pattern, float otherwise) =>
            Regex.Match(name, $@"(?:^|_){pattern}_?([0-9.]+)") is { Success: true } match ? float.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : otherwise;

        return new SamplingSettings
        {
            Temperature = Value("temp(?:erature)?", 1),
            TopK = (int)Value("(?:top_)?k", 0),
            TopP = Value("(?:top_)?p", 1),
            RepetitionPenalty = Value("rep(?:etition)?", 1),
        };
    }

    private async Task<List<int>> Generate(string model, GoldenCase golden, bool ignoreEndOfSequence)
    {
        var request = new GenerationRequest { PromptIds = golden.Ids, MaxNewTokens = 24, IgnoreEndOfSequence = ignoreEndOfSequence };
        var ids = new List<int>();
        await foreach (GenerationDelta delta in fixture.Engine(model).GenerateAsync(request, TestContext.Current.CancellationToken))
        {
            ids.Add(delta.TokenId);
        }

        return ids;
    }
}
