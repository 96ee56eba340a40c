using System.Reflection;
using System.Runtime.CompilerServices;
using LocalBloom.AI.Engine;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

#pragma warning disable MEAI001 // Experimental options, too, are honoured or refused.

namespace LocalBloom.AI.Tests.Chat;

/// <summary>Holds README's tables of chat options and contents against the package's types and against what the client does.</summary>
public class OptionTableTests
{
    private static readonly AIFunction s_tool = AIFunctionFactory.Create(() => 42, "get_answer");

    // For each row: options that are honoured with what proves it, options that are refused, options that are ignored.
    private static readonly Row[] s_rows =
    [
        new(nameof(ChatOptions.Temperature), new() { Temperature = 0.7f }, r => r.Sampling.Temperature == 0.7f),
        new(nameof(ChatOptions.TopP), new() { TopP = 0.9f }, r => r.Sampling is { TopP: 0.9f, Temperature: 1 }),
        new(nameof(ChatOptions.TopK), new() { TopK = 40 }, r => r.Sampling is { TopK: 40, Temperature: 1 }),
        new(nameof(ChatOptions.FrequencyPenalty), new() { FrequencyPenalty = 0.5f }, r => r.Sampling.FrequencyPenalty == 0.5f),
        new(nameof(ChatOptions.PresencePenalty), new() { PresencePenalty = -0.5f }, r => r.Sampling.PresencePenalty == -0.5f),
        new(nameof(ChatOptions.Seed), new() { Seed = long.MaxValue }, r => r.Sampling.Seed == long.MaxValue),
        new(nameof(ChatOptions.StopSequences), new() { StopSequences = ["\n", "[user]"] }, r => r.StopSequences.SequenceEqual(["\n", "[user]"])),
        new(nameof(ChatOptions.MaxOutputTokens), new() { MaxOutputTokens = 7 }, r => r.MaxNewTokens == 7),
        new(
            nameof(ChatOptions.Instructions),
            new() { Instructions = "Be brief." },
            r => FakeGenerationEngine.TextOf(r) == "[system]Be brief.[system]Be kind.[user]Hi"),
        new(nameof(ChatOptions.ModelId), new() { ModelId = "test/bloom" }, IsDefault, Refused: new() { ModelId = "test/other" }),
        new(
            nameof(ChatOptions.ResponseFormat),
            new() { ResponseFormat = ChatResponseFormat.Text },
            IsDefault,
            Refused: new() { ResponseFormat = ChatResponseFormat.Json }),
        new(nameof(ChatOptions.Tools), new() { Tools = [s_tool], ToolMode = ChatToolMode.None }, IsDefault, Refused: new() { Tools = [s_tool] }),
        new(nameof(ChatOptions.ToolMode), new() { ToolMode = ChatToolMode.None }, IsDefault, Refused: new() { ToolMode = ChatToolMode.RequireAny }),
        new(nameof(ChatOptions.AllowMultipleToolCalls), Ignored: new() { AllowMultipleToolCalls = true }),
        new(
            nameof(ChatOptions.AllowBackgroundResponses),
            new() { AllowBackgroundResponses = false },
            IsDefault,
            Refused: new() { AllowBackgroundResponses = true }),
        new(nameof(ChatOptions.ContinuationToken), Refused: new() { ContinuationToken = ResponseContinuationToken.FromBytes(new byte[] { 1 }) }),
        new(nameof(ChatOptions.ConversationId), Refused: new() { ConversationId = "c1" }),
        new(
            nameof(ChatOptions.Reasoning),
            new() { Reasoning = new() { Effort = ReasoningEffort.None, Output = ReasoningOutput.None } },
            IsDefault,
            Refused: new() { Reasoning = new() { Effort = ReasoningEffort.High } }),
        new(
            nameof(ChatOptions.RawRepresentationFactory),
            new() { Seed = 3, RawRepresentationFactory = _ => new SamplingSettings { Temperature = 0.25f, TopK = 5 } },
            r => r.Sampling == new SamplingSettings { Temperature = 0.25f, TopK = 5, Seed = 3 },
            Refused: new() { RawRepresentationFactory = _ => new Version(1, 0) }),
        new(nameof(ChatOptions.AdditionalProperties), With("min_tokens", 1), r => r.Sampling.MinNewTokens == 1, Ignored: With("stream_options", true)),
        new("repetition_penalty", With("repetition_penalty", 1.25), r => r.Sampling.RepetitionPenalty == 1.25f),
        new("min_tokens", With("min_tokens", 5), r => r.Sampling.MinNewTokens == 5),
        new("logit_bias", With("logit_bias", new Dictionary<string, object> { ["5"] = -100 }), r => r.Sampling.LogitBias[5] == -100),
        new("logprobs", With("logprobs", true), r => r.Sampling.TopLogProbabilities == 0),
        new("top_logprobs", With("top_logprobs", 20), r => r.Sampling.TopLogProbabilities == 20),
        new("n", With("n", 16), r => r.Sampling.ReplyCount == 16),
        new("num_beams", With("num_beams", 16), r => r.Sampling.BeamCount == 16, Refused: With("num_beams", 2, new() { Temperature = 1 })),
        new(
            "length_penalty",
            With("length_penalty", 2, With("num_beams", 2)),
            r => r.Sampling.LengthPenalty == 2,
            Ignored: With("length_penalty", 2)),
        new("priority", With("priority", -7), r => r.Priority == -7),
        new("timeout_seconds", With("timeout_seconds", 1.5), r => r.Timeout == TimeSpan.FromSeconds(1.5)),
    ];

    private static readonly Type[] s_contents =
        [.. typeof(AIContent).Assembly.GetExportedTypes().Where(type => type.IsAssignableTo(typeof(AIContent)) && !type.IsAbstract)];

    public static TheoryData<string> Names => [.. s_rows.Select(row => row.Name)];

    public static TheoryData<string> Contents => [.. s_contents.Select(type => type.Name)];

    [Fact]
    public void EveryMemberOfChatOptions_HasARow()
    {
        IEnumerable<string> members = typeof(ChatOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.SetMethod is { IsPublic: true }).Select(property => property.Name);

        Assert.Empty(members.Except(s_rows.Select(row => row.Name)));
    }

    [Fact]
    public void EveryKey_HasARow() => Assert.Empty(AI.Chat.OptionKeys.OfOptions.Except(s_rows.Select(row => row.Name)));

    [Fact]
    public void Readme_SaysWhatTheRowsSay() =>
        Assert.Equal(
            s_rows.Select(row => (row.Name, row.Verdict)).Order(),
            ReadTable("| option | what we do | in detail |").Order());

    [Fact]
    public void Readme_SaysTheBounds()
    {
        (string Name, string Detail)[] bounds =
        [
            ("repetition_penalty", FormattableString.Invariant($"{RequestBounds.MinRepetitionPenalty} … {RequestBounds.MaxRepetitionPenalty};")),
            ("logit_bias", FormattableString.Invariant($"at most {RequestBounds.MaxLogitBiases:N0} token ids")),
            (nameof(ChatOptions.StopSequences), FormattableString.Invariant($"at most {RequestBounds.MaxStopSequences} with the template's own")),
            (nameof(ChatOptions.StopSequences), FormattableString.Invariant($"1 … {RequestBounds.MaxStopSequenceLength:N0} characters")),
        ];

        string[][] rows = [.. ReadCells("| option | what we do | in detail |")];

        Assert.All(bounds, bound => Assert.Contains(bound.Detail, rows.Single(cells => cells[1] == $"`{bound.Name}`")[3], StringComparison.Ordinal));
    }

    [Fact]
    public void Readme_NamesEveryContent() =>
        Assert.Equal(
            s_contents.Select(type => type.Name).Order(StringComparer.Ordinal),
            ReadTable("| content | what we do |").Select(row => row.Name).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Row_IsTrue(string name)
    {
        Row row = s_rows.Single(candidate => candidate.Name == name);
        if (row.Honoured is not null)
        {
            (GenerationRequest? request, string log) = await SendAsync(row.Honoured);
            Assert.True(row.Proof!(request!), $"{name} does not reach the engine.");
            Assert.Equal("", log);
        }

        if (row.Refused is not null)
        {
            NotSupportedException error = await Assert.ThrowsAsync<NotSupportedException>(() => SendAsync(row.Refused));
            Assert.Matches($@"^(ChatOptions\.)?{name} ", error.Message);
        }

        if (row.Ignored is not null)
        {
            (GenerationRequest? request, string log) = await SendAsync(row.Ignored);
            Assert.True(IsDefault(request! with { Sampling = request.Sampling with { LengthPenalty = 1 } }), $"{name} has an effect.");
            Assert.Contains(name, log, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Contents))]
    public async Task Content_IsTreatedAsReadmeSays(string name)
    {
        Type type = s_contents.Single(candidate => candidate.Name == name);
        AIContent content = type == typeof(TextContent) ? new TextContent("Look.") : (AIContent)RuntimeHelpers.GetUninitializedObject(type);
        var message = new ChatMessage(ChatRole.User, [new TextContent("Hi"), content]);
        switch (ReadTable("| content | what we do |").Single(row => row.Name == name).Verdict)
        {
            case "honoured":
                Assert.Equal("[user]HiLook.", FakeGenerationEngine.TextOf((await SendAsync(null, message)).Request));
                break;
            case "left out":
                Assert.Equal("[user]Hi", FakeGenerationEngine.TextOf((await SendAsync(null, message)).Request));
                break;
            case "ignored":
                (GenerationRequest request, string log) = await SendAsync(null, message);
                Assert.Equal("[user]Hi", FakeGenerationEngine.TextOf(request));
                Assert.Contains(name, log, StringComparison.Ordinal);
                break;
            case "refused":
                NotSupportedException error = await Assert.ThrowsAsync<NotSupportedException>(() => SendAsync(null, message));
                Assert.StartsWith($"{name} ", error.Message, StringComparison.Ordinal);
                break;
            case string other:
                Assert.Fail($"README says '{other}' of {name}.");
                break;
        }
    }

    private static bool IsDefault(GenerationRequest request) =>
        request.Sampling == SamplingSettings.Greedy
        && request is { MaxNewTokens: 256, Priority: 0, Timeout: null }
        && request.StopSequences.SequenceEqual(["[user]"])
        && FakeGenerationEngine.TextOf(request) == "[system]Be kind.[user]Hi";

    private static ChatOptions With(string key, object value, ChatOptions? options = null)
    {
        options ??= new ChatOptions();
        (options.AdditionalProperties ??= [])[key] = value;
        return options;
    }

    private static async Task<(GenerationRequest Request, string Log)> SendAsync(ChatOptions? options, params ChatMessage[] messages)
    {
        using var log = new RecordingLoggerFactory();
        var engine = new FakeGenerationEngine
        {
            Reply = request =>
            [
                .. Enumerable.Range(0, request.Sampling.ReplyCount)
                    .Select(i => new GenerationDelta(1, "ok", ChatFinishReason.Stop) { Reply = i, LogProbability = -1 }),
            ],
        };
        using BloomChatClient client = ClientFactory.Create(engine, loggerFactory: log);
        ChatMessage[] usual = [new(ChatRole.System, "Be kind."), new(ChatRole.User, "Hi")];
        await client.GetResponseAsync(messages.Length > 0 ? messages : usual, options, TestContext.Current.CancellationToken);
        Assert.All(log.Entries, entry => Assert.Equal((LogLevel.Warning, 100), (entry.Level, entry.Event.Id)));
        return (engine.LastRequest, string.Join('\n', log.Entries.Select(entry => entry.Text)));
    }

    private static IEnumerable<(string Name, string Verdict)> ReadTable(string head) => ReadCells(head).Select(cells => (cells[1].Trim('`'), cells[2]));

    private static IEnumerable<string[]> ReadCells(string head)
    {
        string? readme = FindReadme();
        Assert.SkipWhen(readme is null, "README.md is not above the executable");
        string[] lines = File.ReadAllLines(readme);
        int start = Array.IndexOf(lines, head);
        Assert.True(start >= 0, $"README.md has no table with the head {head}");
        return lines.Skip(start + 2).TakeWhile(line => line.StartsWith('|')).Select(line => line.Split('|', StringSplitOptions.TrimEntries));
    }

    private static string? FindReadme()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (Directory.Exists(Path.Combine(folder, "src", "LocalBloom.AI")))
            {
                return Path.Combine(folder, "README.md");
            }
        }

        return null;
    }

    private sealed record Row(
        string Name, ChatOptions? Honoured = null, Func<GenerationRequest, bool>? Proof = null, ChatOptions? Refused = null, ChatOptions? Ignored = null)
    {
        public string Verdict => string.Join(
            ", ", new[] { Honoured is null ? null : "honoured", Refused is null ? null : "refused", Ignored is null ? null : "ignored" }.OfType<string>());
    }
}
