using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

#pragma warning disable MEAI001 // Experimental options, too, are honoured or refused.

namespace LocalBloom.AI.Tests.Chat;

public class ChatOptionsTests
{
    private static readonly AIFunction s_tool = AIFunctionFactory.Create(() => 42, "get_answer");

    // For each property a value that is honoured, and what proves it.
    private static readonly Dictionary<string, (ChatOptions Options, Func<GenerationRequest, bool> Proof)> s_honoured = new()
    {
        [nameof(ChatOptions.Temperature)] = (new() { Temperature = 0.7f }, r => r.Sampling.Temperature == 0.7f),
        [nameof(ChatOptions.TopP)] = (new() { TopP = 0.9f }, r => r.Sampling is { TopP: 0.9f, Temperature: 1 }),
        [nameof(ChatOptions.TopK)] = (new() { TopK = 40 }, r => r.Sampling is { TopK: 40, Temperature: 1 }),
        [nameof(ChatOptions.FrequencyPenalty)] = (new() { FrequencyPenalty = 0.5f }, r => r.Sampling.FrequencyPenalty == 0.5f),
        [nameof(ChatOptions.PresencePenalty)] = (new() { PresencePenalty = -0.5f }, r => r.Sampling.PresencePenalty == -0.5f),
        [nameof(ChatOptions.Seed)] = (new() { Seed = long.MaxValue }, r => r.Sampling.Seed == long.MaxValue),
        [nameof(ChatOptions.StopSequences)] = (new() { StopSequences = ["\n", "[user]"] }, r => r.StopSequences.SequenceEqual(["\n", "[user]"])),
        [nameof(ChatOptions.MaxOutputTokens)] = (new() { MaxOutputTokens = 7 }, r => r.MaxNewTokens == 7),
        [nameof(ChatOptions.Instructions)] = (
            new() { Instructions = "Be brief." }, r => FakeGenerationEngine.TextOf(r) == "[system]Be brief.[system]Be kind.[user]Hi"),
        [nameof(ChatOptions.ModelId)] = (new() { ModelId = "test/bloom" }, IsDefault),
        [nameof(ChatOptions.ResponseFormat)] = (new() { ResponseFormat = ChatResponseFormat.Text }, IsDefault),
        [nameof(ChatOptions.Tools)] = (new() { Tools = [] }, IsDefault),
        [nameof(ChatOptions.ToolMode)] = (new() { Tools = [s_tool], ToolMode = ChatToolMode.None }, IsDefault),
        [nameof(ChatOptions.AllowMultipleToolCalls)] = (new() { AllowMultipleToolCalls = true }, IsDefault),
        [nameof(ChatOptions.AllowBackgroundResponses)] = (new() { AllowBackgroundResponses = false }, IsDefault),
        [nameof(ChatOptions.Reasoning)] = (new() { Reasoning = new() { Effort = ReasoningEffort.None, Output = ReasoningOutput.None } }, IsDefault),
        [nameof(ChatOptions.RawRepresentationFactory)] = (
            new() { Temperature = 2, Seed = 3, RawRepresentationFactory = _ => new SamplingSettings { Temperature = 0.25f, TopK = 5 } },
            r => r.Sampling == new SamplingSettings { Temperature = 0.25f, TopK = 5, Seed = 3 }),
        [nameof(ChatOptions.AdditionalProperties)] = (
            new() { AdditionalProperties = new() { ["repetition_penalty"] = 1.25 } }, r => r.Sampling.RepetitionPenalty == 1.25f),
    };

    private static readonly Dictionary<string, ChatOptions> s_refused = new()
    {
        [nameof(ChatOptions.ModelId)] = new() { ModelId = "test/other" },
        [nameof(ChatOptions.ResponseFormat)] = new() { ResponseFormat = ChatResponseFormat.Json },
        [nameof(ChatOptions.Tools)] = new() { Tools = [s_tool] },
        [nameof(ChatOptions.ToolMode)] = new() { ToolMode = ChatToolMode.RequireAny },
        [nameof(ChatOptions.ConversationId)] = new() { ConversationId = "c1" },
        [nameof(ChatOptions.AllowBackgroundResponses)] = new() { AllowBackgroundResponses = true },
        [nameof(ChatOptions.ContinuationToken)] = new() { ContinuationToken = ResponseContinuationToken.FromBytes(new byte[] { 1 }) },
        [nameof(ChatOptions.Reasoning)] = new() { Reasoning = new() { Effort = ReasoningEffort.High } },
        [nameof(ChatOptions.RawRepresentationFactory)] = new() { RawRepresentationFactory = _ => new Version(1, 0) },
    };

    public static TheoryData<string> Honoured => [.. s_honoured.Keys];

    public static TheoryData<string> Refused => [.. s_refused.Keys];

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
    public void EveryProperty_IsHonouredOrRefused()
    {
        PropertyInfo[] properties = typeof(ChatOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance);

        Assert.Equal(properties.Select(property => property.Name).Order(), s_honoured.Keys.Union(s_refused.Keys).Order());
    }

    [Theory]
    [MemberData(nameof(Honoured))]
    public async Task Option_Honoured(string option)
    {
        (ChatOptions options, Func<GenerationRequest, bool> proof) = s_honoured[option];

        Assert.True(proof(await SendAsync(options)));
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Option_Refused_ByName(string option)
    {
        NotSupportedException error = await Assert.ThrowsAsync<NotSupportedException>(() => SendAsync(s_refused[option]));

        Assert.StartsWith($"ChatOptions.{option} ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ModelId_OfAnotherModel_NamesBoth()
    {
        NotSupportedException error = await Assert.ThrowsAsync<NotSupportedException>(() => SendAsync(s_refused[nameof(ChatOptions.ModelId)]));

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
