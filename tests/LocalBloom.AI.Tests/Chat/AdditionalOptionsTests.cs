using System.Collections.ObjectModel;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Chat;

public class AdditionalOptionsTests
{
    // As whole numbers arrive: of every numeric type, from JSON, from Semantic Kernel (double) and from configuration (text).
    public static TheoryData<object> Threes => new()
    {
        (sbyte)3, (byte)3, (short)3, (ushort)3, 3, 3u, 3L, 3ul, (Half)3, 3f, 3d, 3m, "3", "3.0", Json("3"), Json("3.0"), Json("\"3\""), JsonValue.Create(3),
    };

    public static TheoryData<object> NoIntegers => new() { 2.5, "2.5", Json("2.5"), double.NaN, 3e10, "many", true, 'a', DayOfWeek.Friday, Json("[]"), new object() };

    public static TheoryData<object> Biases => new()
    {
        new Dictionary<string, object> { ["5"] = -100, ["7"] = 2.5 },
        new Dictionary<int, float> { [5] = -100, [7] = 2.5f },
        new Dictionary<long, decimal> { [5] = -100, [7] = 2.5m },
        new ReadOnlyDictionary<int, double>(new Dictionary<int, double> { [5] = -100, [7] = 2.5 }),
        new AdditionalPropertiesDictionary { ["5"] = "-100", ["7"] = "2.5" },
        new List<KeyValuePair<int, float>> { new(5, -100), new(7, 2.5f) },
        Json("""{ "5": -100, "7": 2.5 }"""),
        new JsonObject { ["5"] = -100, ["7"] = 2.5 },
    };

    public static TheoryData<string, object, string> OutOfRange => new()
    {
        { "min_tokens", -1, "-1" },
        { "top_logprobs", 21, "21" },
        { "top_logprobs", -1, "-1" },
        { "n", 0, "0" },
        { "n", 17, "17" },
        { "num_beams", 0, "0" },
        { "num_beams", 17, "17" },
        { "length_penalty", double.PositiveInfinity, "Infinity" },
        { "repetition_penalty", 0, "0" },
        { "timeout_seconds", 0, "0" },
        { "timeout_seconds", -1, "-1" },
        { "timeout_seconds", double.NaN, "NaN" },
        { "timeout_seconds", 1e9, "1000000000" },
        { "logit_bias", new Dictionary<int, int> { [5] = 101 }, "101" },
        { "logit_bias", new Dictionary<int, int> { [5] = -101 }, "-101" },
        { "logit_bias", new Dictionary<int, float> { [5] = float.NaN }, "NaN" },
        { "logit_bias", new Dictionary<int, int> { [-5] = 1 }, "-5" },
    };

    // Semantic Kernel leaves here what it cannot read as a member's type.
    [Theory]
    [InlineData("max_tokens", "2.5", "MaxOutputTokens")]
    [InlineData("max_tokens", "2.0", "MaxOutputTokens")]
    [InlineData("temperature", "\"hot\"", "Temperature")]
    [InlineData("top_k", "40.0", "TopK")]
    [InlineData("seed", "1e3", "Seed")]
    [InlineData("stop_sequences", "\"END\"", "StopSequences")]
    public async Task MembersThatCouldNotBeRead_AreRefusedByName(string key, string value, string member)
    {
        var e = await Assert.ThrowsAsync<ArgumentException>(() => SendAsync((key, Json(value))));

        Assert.Contains($"AdditionalProperties[{key}]", e.Message, StringComparison.Ordinal);
        Assert.Contains($"ChatOptions.{member}", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Threes), DisableDiscoveryEnumeration = true)]
    public async Task Integer_OfAnyType(object three)
    {
        GenerationRequest request = await SendAsync(
            ("MIN_TOKENS", three), ("Top_LogProbs", three), ("n", three), ("num_beams", three), ("priority", three), ("timeout_seconds", three));

        Assert.Equal(3, request.Sampling.MinNewTokens);
        Assert.Equal(3, request.Sampling.TopLogProbabilities);
        Assert.Equal(3, request.Sampling.ReplyCount);
        Assert.Equal(3, request.Sampling.BeamCount);
        Assert.Equal(3, request.Priority);
        Assert.Equal(TimeSpan.FromSeconds(3), request.Timeout);
    }

    [Theory]
    [MemberData(nameof(NoIntegers), DisableDiscoveryEnumeration = true)]
    public async Task Integer_ThatIsNone_NamesKeyAndValue(object value)
    {
        foreach (string key in (string[])["min_tokens", "top_logprobs", "n", "num_beams", "priority"])
        {
            ArgumentException error = await Assert.ThrowsAsync<ArgumentException>(() => SendAsync((key, value)));

            Assert.Contains(FormattableString.Invariant($"[{key}] is '{value}'"), error.Message, StringComparison.Ordinal);
            Assert.Equal(key, error.ParamName);
        }
    }

    [Fact]
    public async Task Null_IsAsIfLeftOut()
    {
        (string Key, object? Value)[] nulls =
        [
            ("min_tokens", null), ("logit_bias", null), ("logprobs", null), ("top_logprobs", Json("null")), ("n", null), ("num_beams", Json("null")),
            ("length_penalty", null), ("priority", null), ("timeout_seconds", null), ("repetition_penalty", null),
        ];

        GenerationRequest request = await SendAsync(nulls);

        Assert.Equal(SamplingSettings.Greedy, request.Sampling);
        Assert.Equal(0, request.Priority);
        Assert.Null(request.Timeout);
    }

    [Theory]
    [MemberData(nameof(Biases), DisableDiscoveryEnumeration = true)]
    public async Task LogitBias_OfAnyDictionary(object biases)
    {
        GenerationRequest request = await SendAsync(("logit_bias", biases));

        Assert.Equal([new(5, -100), new(7, 2.5f)], request.Sampling.LogitBias.OrderBy(bias => bias.Key));
    }

    [Fact]
    public async Task LogitBias_Copied()
    {
        var biases = new Dictionary<int, float> { [5] = 1 };
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("ok"));
        using BloomChatClient client = ClientFactory.Create(engine);
        IAsyncEnumerable<ChatResponseUpdate> stream = client.GetStreamingResponseAsync(
            "Hi", new() { AdditionalProperties = new() { ["logit_bias"] = biases } }, TestContext.Current.CancellationToken);

        biases.Clear();
        await stream.ToListAsync(TestContext.Current.CancellationToken);

        Assert.Equal(1, Assert.Single(engine.LastRequest.Sampling.LogitBias).Value);
    }

    [Fact]
    public async Task LogitBias_WithAWrongKeyOrValue_NamesIt()
    {
        ArgumentException key = await Assert.ThrowsAsync<ArgumentException>(() => SendAsync(("logit_bias", new Dictionary<string, int> { ["hello"] = 1 })));
        ArgumentException value = await Assert.ThrowsAsync<ArgumentException>(() => SendAsync(("logit_bias", Json("""{ "5": "much" }"""))));
        ArgumentException kind = await Assert.ThrowsAsync<ArgumentException>(() => SendAsync(("logit_bias", 5)));

        Assert.Contains("'hello'", key.Message, StringComparison.Ordinal);
        Assert.Contains("logit_bias[5]] is 'much'", value.Message, StringComparison.Ordinal);
        Assert.Contains("dictionary", kind.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(OutOfRange), DisableDiscoveryEnumeration = true)]
    public async Task Value_OutOfRange_NamesKeyAndValue(string key, object value, string told)
    {
        ArgumentOutOfRangeException error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => SendAsync((key, value)));

        Assert.Equal(key, error.ParamName);
        Assert.Contains($"Actual value was {told}.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, null, 0)]
    [InlineData("true", null, 0)]
    [InlineData(false, null, null)]
    [InlineData(false, 0, null)]
    [InlineData(true, 4, 4)]
    [InlineData(null, 4, 4)]
    [InlineData(null, 0, 0)]
    public async Task LogProbabilities_AndTop(object? logprobs, int? top, int? expected) =>
        Assert.Equal(expected, (await SendAsync(("logprobs", logprobs), ("top_logprobs", top))).Sampling.TopLogProbabilities);

    // Half a surrogate pair, of which JSON makes no text.
    [Theory]
    [InlineData("min_tokens", """ "\ud800" """)]
    [InlineData("repetition_penalty", """ "\ud800" """)]
    [InlineData("repetition_penalty", """ ["\ud800"] """)]
    [InlineData("logprobs", """ "\ud800" """)]
    [InlineData("logprobs", """ { "a": "\ud800" } """)]
    [InlineData("logit_bias", """ "\ud800" """)]
    [InlineData("logit_bias", """ { "\ud800": 1 } """)]
    [InlineData("logit_bias", """ { "5": "\ud800" } """)]
    public async Task JsonText_ThatIsNone_NamesTheKey(string key, string json)
    {
        foreach (object? value in (object?[])[Json(json), JsonNode.Parse(json)])
        {
            ArgumentException error = await Assert.ThrowsAsync<ArgumentException>(() => SendAsync((key, value)));

            Assert.StartsWith(key, error.ParamName, StringComparison.Ordinal);
            Assert.Contains($"AdditionalProperties[{key}", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task LogProbabilities_ThatContradictOrAreNoTruthValue_Refused()
    {
        ArgumentException contradiction = await Assert.ThrowsAsync<ArgumentException>(() => SendAsync(("logprobs", Json("false")), ("top_logprobs", 4)));
        ArgumentException kind = await Assert.ThrowsAsync<ArgumentException>(() => SendAsync(("logprobs", 1)));

        Assert.Contains("top_logprobs is 4, but logprobs is false", contradiction.Message, StringComparison.Ordinal);
        Assert.Contains("[logprobs] is '1'", kind.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Timeout_OfLessThanATick_IsNotZero() =>
        Assert.Equal(TimeSpan.FromTicks(1), (await SendAsync(("timeout_seconds", 1e-9))).Timeout);

    [Fact]
    public async Task Beams_FewerThanReplies_Refused()
    {
        ArgumentOutOfRangeException error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => SendAsync(("num_beams", 2), ("n", 3)));

        Assert.Equal("num_beams", error.ParamName);
        Assert.Contains("at least n, which is 3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Beams_WithWhatDrawsOrPenalizes_NamesEach()
    {
        (string Name, ChatOptions Options)[] inTheWay =
        [
            ("Temperature", new() { Temperature = 0.5f }),
            ("TopP", new() { TopP = 0.5f }),
            ("TopK", new() { TopK = 5 }),
            ("FrequencyPenalty", new() { FrequencyPenalty = 1 }),
            ("PresencePenalty", new() { PresencePenalty = 1 }),
            ("repetition_penalty", new() { AdditionalProperties = new() { ["repetition_penalty"] = 1.5 } }),
            ("Temperature, TopP", new() { RawRepresentationFactory = _ => new SamplingSettings { BeamCount = 2, Temperature = 1, TopP = 0.5f } }),
        ];

        foreach ((string name, ChatOptions options) in inTheWay)
        {
            (options.AdditionalProperties ??= [])["num_beams"] = 2;
            NotSupportedException error = await Assert.ThrowsAsync<NotSupportedException>(() => SendAsync(options));

            Assert.Contains($"Remove {name}, or num_beams.", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Beams_WithWhatChangesNothing_Honoured()
    {
        SamplingSettings settings = (await SendAsync(new ChatOptions
        {
            Temperature = 0,
            TopP = 1,
            FrequencyPenalty = 0,
            AdditionalProperties = new() { ["num_beams"] = 4, ["n"] = 4, ["length_penalty"] = 0.5, ["repetition_penalty"] = 1 },
        })).Sampling;

        Assert.Equal((4, 4, 0.5f, 0f), (settings.BeamCount, settings.ReplyCount, settings.LengthPenalty, settings.Temperature));
    }

    [Fact]
    public async Task LengthPenalty_WithoutBeams_IsSaidToDoNothing()
    {
        using var log = new RecordingLoggerFactory();

        await SendAsync(new ChatOptions { AdditionalProperties = new() { ["length_penalty"] = 2 } }, log);

        Assert.Contains("length_penalty (it needs num_beams above 1)", Assert.Single(log.Entries).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RawRepresentation_ReplacesSampling_NotPriorityAndTimeout()
    {
        using var log = new RecordingLoggerFactory();

        GenerationRequest request = await SendAsync(
            new ChatOptions
            {
                RawRepresentationFactory = _ => new SamplingSettings { MinNewTokens = 1 },
                AdditionalProperties = new() { ["min_tokens"] = 5, ["n"] = 2, ["priority"] = -2, ["timeout_seconds"] = 0.5 },
            },
            log);

        Assert.Equal(new SamplingSettings { MinNewTokens = 1 }, request.Sampling);
        Assert.Equal(-2, request.Priority);
        Assert.Equal(TimeSpan.FromMilliseconds(500), request.Timeout);
        string warning = Assert.Single(log.Entries).Text;
        Assert.Contains("min_tokens (Raw", warning, StringComparison.Ordinal);
        Assert.Contains("n (Raw", warning, StringComparison.Ordinal);
        Assert.DoesNotContain("priority", warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RawRepresentation_BiasesAreCheckedAndCopied()
    {
        var biases = new Dictionary<int, float> { [5] = 1 };

        GenerationRequest request = await SendAsync(new ChatOptions { RawRepresentationFactory = _ => new SamplingSettings { LogitBias = biases } });
        biases[5] = 101;

        Assert.Equal(1, request.Sampling.LogitBias[5]);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            "logit_bias", () => SendAsync(new ChatOptions { RawRepresentationFactory = _ => new SamplingSettings { LogitBias = biases } }));
        await Assert.ThrowsAsync<ArgumentException>(
            () => SendAsync(new ChatOptions { RawRepresentationFactory = _ => new SamplingSettings { LogitBias = null! } }));
    }

    private static JsonElement Json(string json) => JsonSerializer.Deserialize<JsonElement>(json);

    private static Task<GenerationRequest> SendAsync(params (string Key, object? Value)[] properties) =>
        SendAsync(new ChatOptions { AdditionalProperties = new(properties.Select(property => KeyValuePair.Create(property.Key, property.Value))) });

    private static async Task<GenerationRequest> SendAsync(ChatOptions options, RecordingLoggerFactory? log = null)
    {
        var engine = new FakeGenerationEngine { Reply = ReplyToEach };
        using BloomChatClient client = ClientFactory.Create(engine, loggerFactory: log);
        await client.GetResponseAsync("Hi", options, TestContext.Current.CancellationToken);
        return engine.LastRequest;
    }

    private static GenerationDelta[] ReplyToEach(GenerationRequest request) =>
    [
        .. Enumerable.Range(0, request.Sampling.ReplyCount).Select(i => new GenerationDelta(1, "ok", ChatFinishReason.Stop)
        {
            Reply = i,
            LogProbability = request.Sampling.TopLogProbabilities is null ? null : -1,
        }),
    ];
}
