using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace LocalBloom.AI.DemoModel.Tests;

/// <summary>The model that answers where none is named: real text, through the public registration alone.</summary>
public sealed class DemoModelTests : IDisposable
{
    private const string Passage =
        "The village of Holm lies on a small island in the Baltic Sea. It has 640 inhabitants and is known for its smoked fish. " +
        "The ferry to the mainland leaves every morning at 6:45. The mayor, Karin Lindqvist, wants to build a new harbour.";

    private static readonly ChatOptions s_greedy = new() { Temperature = 0, MaxOutputTokens = 48 };

    private readonly ServiceProvider _services;
    private readonly IChatClient _client;

    public DemoModelTests()
    {
        var services = new ServiceCollection();
        services.AddBloomChatClient();
        _services = services.BuildServiceProvider();
        _client = _services.GetRequiredService<IChatClient>();
    }

    public static TheoryData<string, string, string> Examples
    {
        get
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "examples.json")));
            return
            [
                .. json.RootElement.EnumerateArray().Select(example => new TheoryDataRow<string, string, string>(
                    example.GetProperty("passage").GetString()!, example.GetProperty("question").GetString()!, example.GetProperty("answer").GetString()!)),
            ];
        }
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task Example_IsAnsweredAsTheReadmeSays_WholeAndStreamed(string passage, string question, string answer)
    {
        string prompt = $"{passage}\n\n{question}";

        ChatResponse whole = await _client.GetResponseAsync(prompt, s_greedy, Cancellation);
        ChatResponse streamed = await _client.GetStreamingResponseAsync(prompt, s_greedy, Cancellation).ToChatResponseAsync(Cancellation);

        Assert.Equal(answer, whole.Text);
        Assert.Equal(answer, streamed.Text);
        Assert.Equal(ChatFinishReason.Stop, whole.FinishReason);
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task Example_IsAnsweredTheSame_WhenLayersAreSplit(string passage, string question, string answer)
    {
        using var split = new BloomChatClient(new BloomChatClientOptions { Strategy = BloomStrategy.LayerSplit, Devices = ["cpu#0", "cpu#1"] });

        Assert.Equal(answer, (await split.GetResponseAsync($"{passage}\n\n{question}", s_greedy, Cancellation)).Text);
    }

    [Fact]
    public async Task SecondTurn_IsAboutTheSamePassage()
    {
        List<ChatMessage> history = [new(ChatRole.User, $"{Passage}\n\nWhat is Holm known for?")];
        history.AddMessages(await _client.GetResponseAsync(history, s_greedy, Cancellation));
        Assert.Equal("its smoked fish", history[^1].Text);

        history.Add(new(ChatRole.User, "When does the ferry leave?"));
        ChatResponse second = await _client.GetResponseAsync(history, s_greedy, Cancellation);

        Assert.Contains("6:45", second.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StopSequence_EndsARealAnswer()
    {
        ChatOptions options = s_greedy.Clone();
        options.StopSequences = [" fish"];

        ChatResponse response = await _client.GetResponseAsync($"{Passage}\n\nWhat is Holm known for?", options, Cancellation);

        Assert.Equal("its smoked", response.Text);
    }

    [Fact]
    public async Task ManyAtOnce_EachGetsItsOwnAnswer()
    {
        string[] names = ["Anna", "Boris", "Clara", "David", "Emma", "Felix"];

        ChatResponse[] responses = await Task.WhenAll(names.Select((name, i) => _client.GetResponseAsync(
            $"{name} lives in Berlin. {name} bought {i + 2} apples at the market.\n\nHow many apples did {name} buy?", s_greedy, Cancellation)));

        Assert.All(responses.Select((response, i) => (response.Text, Expected: $"{i + 2}")), pair => Assert.StartsWith(pair.Expected, pair.Text, StringComparison.Ordinal));
    }

    [Fact]
    public void Engine_IsNamedAfterTheModel() => Assert.Equal("localbloom-demo-model", _client.GetRequiredService<BloomEngine>().ModelId);

    public void Dispose() => _services.Dispose();
}
