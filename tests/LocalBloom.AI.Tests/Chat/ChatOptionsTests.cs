using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Tests.Chat;

public class ChatOptionsTests
{
    public static TheoryData<ChatOptions, string, string> OutOfRange => new()
    {
        { new() { Temperature = -0.1f }, "Temperature", "-0.1" },
        { new() { Temperature = float.NaN }, "Temperature", "NaN" },
        { new() { Temperature = float.PositiveInfinity }, "Temperature", "Infinity" },
        { new() { TopP = 0 }, "TopP", "0" },
        { new() { TopP = 1.5f }, "TopP", "1.5" },
        { new() { TopK = -1 }, "TopK", "-1" },
        { new() { FrequencyPenalty = 2.5f }, "FrequencyPenalty", "2.5" },
        { new() { PresencePenalty = float.NaN }, "PresencePenalty", "NaN" },
        { new() { MaxOutputTokens = 0 }, "MaxOutputTokens", "0" },
        { new() { AdditionalProperties = new() { ["repetition_penalty"] = 0 } }, "repetition_penalty", "0" },
        { new() { RawRepresentationFactory = _ => new SamplingSettings { TopP = 2 } }, "TopP", "2" },
    };

    public static TheoryData<object> Numbers => new()
    {
        1.5f, 1.5, 1.5m, "1.5", JsonSerializer.SerializeToElement(1.5), JsonSerializer.SerializeToElement("1.5"),
    };

    [Fact]
    public async Task ModelId_OfAnotherModel_NamesBoth()
    {
        NotSupportedException error = await Assert.ThrowsAsync<NotSupportedException>(() => SendAsync(new() { ModelId = "test/other" }));

        Assert.Contains("'test/other'", error.Message, StringComparison.Ordinal);
        Assert.Contains("'test/bloom'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(OutOfRange), DisableDiscoveryEnumeration = true)]
    public async Task Value_OutOfRange_NamesOptionAndValue(ChatOptions options, string option, string value)
    {
        ArgumentOutOfRangeException error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => SendAsync(options));

        Assert.Equal(option, error.ParamName);
        Assert.Contains($"Actual value was {value}.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Numbers), DisableDiscoveryEnumeration = true)]
    public async Task RepetitionPenalty_AsAnyNumber(object value)
    {
        GenerationRequest request = await SendAsync(new() { AdditionalProperties = new() { ["repetition_penalty"] = value } });

        Assert.Equal(1.5f, request.Sampling.RepetitionPenalty);
    }

    [Fact]
    public async Task RepetitionPenalty_AsInteger() =>
        Assert.Equal(2, (await SendAsync(new() { AdditionalProperties = new() { ["repetition_penalty"] = 2 } })).Sampling.RepetitionPenalty);

    [Fact]
    public async Task RepetitionPenalty_NoNumber_Refused()
    {
        var options = new ChatOptions { AdditionalProperties = new() { ["repetition_penalty"] = "much" } };

        ArgumentException error = await Assert.ThrowsAsync<ArgumentException>(() => SendAsync(options));

        Assert.Contains("repetition_penalty] is 'much'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AdditionalProperty_Unknown_IgnoredWithAWarningThatNamesIt()
    {
        using var log = new RecordingLoggerFactory();

        GenerationRequest request = await SendAsync(new() { AdditionalProperties = new() { ["stream_options"] = true } }, log);

        Assert.True(IsDefault(request));
        (LogLevel level, EventId id, string text) = Assert.Single(log.Entries);
        Assert.Equal(LogLevel.Warning, level);
        Assert.Equal(100, id.Id);
        Assert.Contains("AdditionalProperties[stream_options]", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NoOptions_Greedy()
    {
        using var log = new RecordingLoggerFactory();

        Assert.True(IsDefault(await SendAsync(null, log)));
        Assert.Empty(log.Entries);
    }

    [Fact]
    public async Task TopP_WithTemperature_KeepsTheTemperature() =>
        Assert.Equal(0, (await SendAsync(new() { TopP = 0.5f, Temperature = 0 })).Sampling.Temperature);

    [Fact]
    public async Task StopSequences_AsManyAndAsLongAsMayBe_ReachTheEngine()
    {
        string[] stops = [.. Enumerable.Range(0, 63).Select(i => $"{i}".PadRight(1024))];

        // The template's own one is the 64th; what is given twice counts once.
        Assert.Equal([.. stops, "[user]"], (await SendAsync(new() { StopSequences = [.. stops, .. stops] })).StopSequences);
        Assert.Equal([.. stops, "[user]"], (await SendAsync(new() { StopSequences = [.. stops, "[user]"] })).StopSequences);
    }

    [Fact]
    public async Task StopSequences_TooMany_TellHowManyAreTheTemplates()
    {
        ArgumentException error = await Assert.ThrowsAsync<ArgumentException>(
            "options", () => SendAsync(new() { StopSequences = [.. Enumerable.Range(0, 64).Select(i => $"{i}")] }));

        Assert.Contains("StopSequences has 64 texts, to which the prompt template adds 1, but a reply may end at 64 at most", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StopSequence_TooLong_TellsBothLengths()
    {
        ArgumentException error = await Assert.ThrowsAsync<ArgumentException>("options", () => SendAsync(new() { StopSequences = ["\n", new string('a', 1025)] }));

        Assert.Contains("StopSequences contains a text of 1025 characters, but one may have at most 1024", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StopSequence_Empty_Refused() =>
        await Assert.ThrowsAsync<ArgumentException>(() => SendAsync(new() { StopSequences = ["\n", ""] }));

    [Fact]
    public async Task RawRepresentationFactory_IsCalledOnceWithTheClient()
    {
        var received = new List<IChatClient>();
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("ok"));
        using BloomChatClient client = ClientFactory.Create(engine);
        var options = new ChatOptions
        {
            TopK = 3,
            RawRepresentationFactory = given =>
            {
                received.Add(given);
                return null;
            },
        };

        await client.GetResponseAsync("Hi", options, TestContext.Current.CancellationToken);

        Assert.Same(client, Assert.Single(received));
        Assert.Equal(3, engine.LastRequest.Sampling.TopK);
    }

    [Fact]
    public async Task Options_BelongToTheCaller_AndAreLeftAlone()
    {
        var options = new ChatOptions
        {
            Instructions = "Be brief.",
            StopSequences = ["\n"],
            AdditionalProperties = new() { ["repetition_penalty"] = 1.5, ["other"] = "x" },
            Tools = [],
            MaxOutputTokens = 4,
        };
        string before = JsonSerializer.Serialize(options, AIJsonUtilities.DefaultOptions);

        await SendAsync(options);

        Assert.Equal(before, JsonSerializer.Serialize(options, AIJsonUtilities.DefaultOptions));
    }

    private static bool IsDefault(GenerationRequest request) =>
        request.Sampling == SamplingSettings.Greedy
        && request.MaxNewTokens == 256
        && request.StopSequences.SequenceEqual(["[user]"])
        && FakeGenerationEngine.TextOf(request) == "[system]Be kind.[user]Hi";

    private static async Task<GenerationRequest> SendAsync(ChatOptions? options, ILoggerFactory? loggerFactory = null)
    {
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("ok"));
        using BloomChatClient client = ClientFactory.Create(engine, loggerFactory: loggerFactory);
        ChatMessage[] messages = [new(ChatRole.System, "Be kind."), new(ChatRole.User, "Hi")];
        await client.GetResponseAsync(messages, options, TestContext.Current.CancellationToken);
        return engine.LastRequest;
    }
}
