using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;

namespace LocalBloom.AI.SemanticKernel.Tests;

/// <summary>What becomes of execution settings on their way through Semantic Kernel to a chat client.</summary>
public sealed class SettingsTests
{
    private const string EverythingInJson = """
        {
          "service_id": "bloom", "temperature": 0.5, "top_p": 0.9, "top_k": 40, "seed": 9007199254740993, "max_tokens": 20, "stop_sequences": ["END", "\n"],
          "frequency_penalty": 0.25, "presence_penalty": -0.5, "repetition_penalty": 1.5, "min_tokens": 3, "logit_bias": { "5": -100, "7": 2.5 },
          "logprobs": true, "top_logprobs": 2, "n": 2, "num_beams": 4, "length_penalty": 0.75, "priority": -1, "timeout_seconds": 1.5
        }
        """;

    private static readonly PropertyInfo[] s_own =
        [.. typeof(BloomPromptExecutionSettings).GetProperties().Where(property => property.DeclaringType == typeof(BloomPromptExecutionSettings))];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static BloomPromptExecutionSettings Everything => JsonSerializer.Deserialize<BloomPromptExecutionSettings>(EverythingInJson)!;

    [Theory]
    [InlineData("chat")]
    [InlineData("text")]
    [InlineData("text, streamed")]
    public async Task EverySetting_ReachesTheClient(string way)
    {
        var client = new RecordingChatClient("reply");
        await Ask(client, way, Everything);

        ChatOptions options = Assert.IsType<ChatOptions>(client.Options, exactMatch: false);
        Assert.Equal(0.5f, options.Temperature);
        Assert.Equal(0.9f, options.TopP);
        Assert.Equal(40, options.TopK);
        Assert.Equal(9007199254740993, options.Seed); // more than a double holds
        Assert.Equal(20, options.MaxOutputTokens);
        Assert.Equal(["END", "\n"], options.StopSequences);
        Assert.Equal(0.25f, options.FrequencyPenalty);
        Assert.Equal(-0.5f, options.PresencePenalty);

        AdditionalPropertiesDictionary rest = Assert.IsType<AdditionalPropertiesDictionary>(options.AdditionalProperties);
        Assert.Equal(1.5, rest["repetition_penalty"]);
        Assert.Equal(3.0, rest["min_tokens"]);
        Assert.Equal(new Dictionary<int, float> { [5] = -100, [7] = 2.5f }, Assert.IsType<JsonElement>(rest["logit_bias"]).Deserialize<Dictionary<int, float>>());
        Assert.Equal(true, rest["logprobs"]);
        Assert.Equal(2.0, rest["top_logprobs"]);
        Assert.Equal(2.0, rest["n"]);
        Assert.Equal(4.0, rest["num_beams"]);
        Assert.Equal(0.75, rest["length_penalty"]);
        Assert.Equal(-1.0, rest["priority"]);
        Assert.Equal(1.5, rest["timeout_seconds"]);
        Assert.Equal(10, rest.Count);
    }

    [Theory]
    [InlineData("chat")]
    [InlineData("text")]
    public async Task SettingsThatAreNotSet_DoNotReachTheClient(string way)
    {
        var client = new RecordingChatClient("reply");
        await Ask(client, way, new BloomPromptExecutionSettings { MaxTokens = 7 });

        Assert.Equal(7, client.Options?.MaxOutputTokens);
        Assert.Null(client.Options?.Temperature);
        Assert.Null(client.Options?.AdditionalProperties);
    }

    [Fact]
    public void OtherSettings_AreReadByTheirNames()
    {
        var others = new PromptExecutionSettings
        {
            ServiceId = "bloom",
            ModelId = "model",
            FunctionChoiceBehavior = FunctionChoiceBehavior.None(),
            ExtensionData = new Dictionary<string, object> { ["temperature"] = 0.5, ["max_tokens"] = "20", ["logit_bias"] = new Dictionary<string, int> { ["5"] = 1 }, ["user"] = "me" },
        };

        BloomPromptExecutionSettings settings = BloomPromptExecutionSettings.FromExecutionSettings(others);

        Assert.Equal("bloom", settings.ServiceId);
        Assert.Equal("model", settings.ModelId);
        Assert.Same(others.FunctionChoiceBehavior, settings.FunctionChoiceBehavior);
        Assert.Equal(0.5f, settings.Temperature);
        Assert.Equal(20, settings.MaxTokens); // prompt files in YAML give texts
        Assert.Equal(1, settings.LogitBias?[5]);
        Assert.Equal(["user"], settings.ExtensionData?.Keys);
    }

    [Fact]
    public void FromExecutionSettings_KeepsItsOwn_AndMakesDefaultsOfNothing()
    {
        BloomPromptExecutionSettings own = Everything;

        Assert.Same(own, BloomPromptExecutionSettings.FromExecutionSettings(own));
        Assert.All(s_own, property => Assert.Null(property.GetValue(BloomPromptExecutionSettings.FromExecutionSettings(null))));
    }

    [Fact]
    public void Clone_IsEqual_Unfrozen_AndApart()
    {
        BloomPromptExecutionSettings original = Everything;
        original.ModelId = "model";
        original.ExtensionData = new Dictionary<string, object> { ["user"] = "me" };
        original.FunctionChoiceBehavior = FunctionChoiceBehavior.Auto();
        original.Freeze();

        var clone = Assert.IsType<BloomPromptExecutionSettings>(original.Clone());

        Assert.Equal(JsonSerializer.Serialize(original), JsonSerializer.Serialize(clone));
        Assert.Same(original.FunctionChoiceBehavior, clone.FunctionChoiceBehavior);
        Assert.False(clone.IsFrozen);
        clone.StopSequences!.Add("more");
        clone.LogitBias![9] = 1;
        clone.ExtensionData!["more"] = 1;
        Assert.Equal(2, original.StopSequences?.Count);
        Assert.Equal(2, original.LogitBias?.Count);
        Assert.Single(original.ExtensionData);
    }

    [Fact]
    public void Clone_LeavesNoPropertyOut()
    {
        BloomPromptExecutionSettings original = Everything;
        Assert.All(s_own, property => Assert.NotNull(property.GetValue(original))); // so that the comparison of JSON above sees each

        Assert.Equal(JsonSerializer.Serialize(original), JsonSerializer.Serialize((BloomPromptExecutionSettings)original.Clone()));
    }

    [Fact]
    public void FrozenSettings_RefuseChanges()
    {
        BloomPromptExecutionSettings settings = Everything;
        List<string> given = ["END"];
        settings.StopSequences = given;

        settings.Freeze();
        settings.Freeze(); // a second time changes nothing

        Assert.True(settings.IsFrozen);
        foreach (PropertyInfo property in s_own)
        {
            var thrown = Assert.Throws<TargetInvocationException>(() => property.SetValue(settings, property.GetValue(settings)));
            Assert.IsType<InvalidOperationException>(thrown.InnerException);
        }

        Assert.Throws<NotSupportedException>(() => settings.StopSequences.Add("more"));
        Assert.Throws<NotSupportedException>(() => settings.LogitBias!.Add(9, 1));
        given.Add("more"); // the caller's list stays the caller's
        Assert.Equal(["END"], settings.StopSequences);
    }

    private static async Task Ask(RecordingChatClient client, string way, PromptExecutionSettings settings)
    {
        var text = new BloomTextGenerationService(client);
        switch (way)
        {
            case "chat":
                await client.AsChatCompletionService().GetChatMessageContentAsync("prompt", settings, new Kernel(), Cancellation);
                break;
            case "text":
                await text.GetTextContentsAsync("prompt", settings, new Kernel(), Cancellation);
                break;
            default:
                await text.GetStreamingTextContentsAsync("prompt", settings, new Kernel(), Cancellation).ToListAsync(Cancellation);
                break;
        }

        Assert.Equal("prompt", client.Prompt);
    }
}
