using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;
using static LocalBloom.AI.Tests.Samples.ScriptedModel;

namespace LocalBloom.AI.Tests.Samples;

public sealed class ChatLoopTests : IDisposable
{
    private readonly ChatConsole _console = new();
    private readonly Interrupts _interrupts = new();
    private readonly Conversation _conversation = new();

    [Fact]
    public async Task Questions_AreAskedWithTheHistory_AndThePassageOnce()
    {
        using var model = new ScriptedModel(Says("one"), Says("two"));
        _conversation.Use(new Passage("p.txt", "A passage."));

        Assert.Equal(0, await RunAsync(model, new ScriptedLines("first?", "", "second?")));

        Assert.Equal(["user: A passage.\n\nfirst?"], model.Asked[0]);
        Assert.Equal(["user: A passage.\n\nfirst?", "assistant: one", "user: second?"], model.Asked[1]);
        Assert.Contains("one\n3 tokens", _console.Output, StringComparison.Ordinal);
        Assert.Contains("context 13 of 100 (13 %)", _console.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task New_ForgetsTheTurns_AndBringsThePassageAgain()
    {
        using var model = new ScriptedModel(Says("one"), Says("two"));
        _conversation.Use(new Passage("p.txt", "A passage."));

        await RunAsync(model, new ScriptedLines("first?", "/new", "second?"));

        Assert.Equal(["user: A passage.\n\nsecond?"], model.Asked[1]);
    }

    [Fact]
    public async Task CtrlC_DuringAReply_CancelsThatReply_AndForgetsItsQuestion()
    {
        using var model = new ScriptedModel(Says("one"), Rambles("blah", () => Assert.True(_interrupts.Press())), Says("three"));
        _conversation.Use(new Passage("p.txt", "A passage."));

        Assert.Equal(0, await RunAsync(model, new ScriptedLines("first?", "second?", "third?")));

        Assert.Equal(["user: A passage.\n\nfirst?", "assistant: one", "user: third?"], model.Asked[2]);
        Assert.Contains("blah\nCancelled.", _console.Output, StringComparison.Ordinal);
        Assert.False(_interrupts.Quit.IsCancellationRequested);
    }

    [Fact]
    public async Task CtrlC_DuringTheFirstReply_KeepsThePassageForTheNextQuestion()
    {
        using var model = new ScriptedModel(Rambles("blah", () => _interrupts.Press()), Says("two"));
        _conversation.Use(new Passage("p.txt", "A passage."));

        await RunAsync(model, new ScriptedLines("first?", "second?"));

        Assert.Equal(["user: A passage.\n\nsecond?"], model.Asked[1]);
    }

    [Fact]
    public async Task CtrlC_Twice_LeavesDuringAReply()
    {
        using var model = new ScriptedModel(Rambles("blah", () =>
        {
            Assert.True(_interrupts.Press());
            Assert.True(_interrupts.Press());
            Assert.False(_interrupts.Press());
        }));

        Assert.Equal(0, await RunAsync(model, new ScriptedLines("first?", "never asked?")));

        Assert.Single(model.Asked);
    }

    [Fact]
    public async Task FullContext_OffersANewConversation_AndTheChatGoesOn()
    {
        using var model = new ScriptedModel(Says("one"), Fails(new ContextOverflowException(120, 100)), Says("three"));

        Assert.Equal(0, await RunAsync(model, new ScriptedLines("first?", "second?", "/new", "third?")));

        Assert.Contains("The context is full: the conversation with this question has at least 120 tokens", _console.Output, StringComparison.Ordinal);
        Assert.Contains("/new begins a new conversation", _console.Output, StringComparison.Ordinal);
        Assert.Equal(["user: third?"], model.Asked[2]);
    }

    [Fact]
    public async Task FullContext_WithoutTurns_DoesNotOfferANewConversation()
    {
        using var model = new ScriptedModel(Fails(new ContextOverflowException(120, 100)));

        await RunAsync(model, new ScriptedLines("first?"));

        Assert.Contains("A shorter passage helps", _console.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("/new", _console.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(97, "The context is full: the reply ends here. /new")]
    [InlineData(10, "cut off by --max-tokens")]
    public async Task CutReply_SaysWhatCutIt(int promptTokens, string expected)
    {
        using var model = new ScriptedModel(Says("one", promptTokens, ChatFinishReason.Length));

        await RunAsync(model, new ScriptedLines("first?"));

        Assert.Contains(expected, _console.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public async Task Failure_IsOneLine_AndTheChatGoesOn(bool isInteractive, int exitCode)
    {
        using var model = new ScriptedModel(Fails(new LocalBloomException("The device\nis lost.")), Says("two"));

        Assert.Equal(exitCode, await RunAsync(model, new ScriptedLines("first?", "second?") { IsInteractive = isInteractive }));

        Assert.StartsWith("The device is lost.\n", _console.Output, StringComparison.Ordinal);
        Assert.Equal(["user: second?"], model.Asked[1]);
    }

    [Fact]
    public async Task Commands_ShowWhatTheyName()
    {
        using var model = new ScriptedModel(Says("one"));

        await RunAsync(model, new ScriptedLines("first?", "/history", "/plan", "/help", "/passage", "/passage nowhere.txt", "/quit", "never asked?"));

        Assert.Contains("you:\nfirst?\nmodel:\none\n", _console.Output, StringComparison.Ordinal);
        Assert.Contains("plan      all on one\n", _console.Output, StringComparison.Ordinal);
        Assert.Contains("/passage FILE", _console.Output, StringComparison.Ordinal);
        Assert.Contains("There is no passage.", _console.Output, StringComparison.Ordinal);
        Assert.Contains("nowhere.txt does not exist.\n", _console.Output, StringComparison.Ordinal);
        Assert.Single(model.Asked);
    }

    [Fact]
    public async Task Reply_DoesNotReachTheTerminalAsCommands()
    {
        using var model = new ScriptedModel(Says("a\u001b[2Jb"));

        await RunAsync(model, new ScriptedLines("first?"));

        Assert.StartsWith("a[2Jb\n", _console.Output, StringComparison.Ordinal);
    }

    public void Dispose() => _interrupts.Dispose();

    private Task<int> RunAsync(IChatClient model, ILineReader lines) =>
        new ChatLoop(model, lines, new ChatView(_console.Console), _conversation, _interrupts) { ContextTokens = 100, DescribePlan = () => "all on one" }
            .RunAsync().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
}
