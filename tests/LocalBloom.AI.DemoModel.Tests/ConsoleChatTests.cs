using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;
using Spectre.Console;

namespace LocalBloom.AI.DemoModel.Tests;

/// <summary>The terminal chat as with piped input, with the model that comes with it.</summary>
public class ConsoleChatTests
{
    [Fact]
    public async Task Questions_AreAnsweredFromThePassage_InTurn()
    {
        (int exitCode, string output) = await ChatAsync(context: null, "What is Holm known for?\nWhen does the ferry leave?\n");

        Assert.Equal(0, exitCode);
        Assert.Contains("> What is Holm known for?\nits smoked fish\n6 tokens", output, StringComparison.Ordinal);
        Assert.Contains("> When does the ferry leave?\n", output, StringComparison.Ordinal);
        Assert.Contains("6:45", output[output.IndexOf("leave?", StringComparison.Ordinal)..], StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output);
    }

    [Fact]
    public async Task Passage_IsChanged()
    {
        string file = Path.Combine(AppContext.BaseDirectory, "passages", "yunxi.txt");

        (int exitCode, string output) = await ChatAsync(context: null, $"/passage {file}\n/new\n石桥建于哪一年？\n");

        Assert.Equal(0, exitCode);
        Assert.Contains("> 石桥建于哪一年？\n1623年\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FullContext_IsSaid_AndANewConversationWorks()
    {
        const string Question = "What is Holm known for?";

        (int exitCode, string output) = await ChatAsync(context: 96, $"{Question}\n{Question}\n/new\n{Question}\n"); // one turn fits, two do not

        Assert.Equal(Failure.Failed, exitCode); // nobody is there to react
        Assert.Equal(2, output.Split("its smoked fish\n").Length - 1);
        Assert.Contains("The context is full: the conversation with this question has at least ", output, StringComparison.Ordinal);
        Assert.Matches("context [89][0-9] of 96 ", output);
    }

    private static async Task<(int ExitCode, string Output)> ChatAsync(int? context, string input)
    {
        using var output = new StringWriter { NewLine = "\n" };
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(output) });
        console.Profile.Width = 400;
        using var interrupts = new Interrupts();
        using var client = new BloomChatClient(new BloomChatClientOptions { MaxContextTokens = context });
        var conversation = new Conversation();
        conversation.Use(Passage.Read(Passage.BuiltInFile));
        await client.LoadAsync(cancellationToken: TestContext.Current.CancellationToken);

        var loop = new ChatLoop(client, new PlainLineReader(new StringReader(input), output), new ChatView(console), conversation, interrupts)
        {
            ContextTokens = client.GetRequiredService<BloomEngine>().MaxContextTokens,
            DescribePlan = () => "",
        };
        int exitCode = await loop.RunAsync().WaitAsync(TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken);
        return (exitCode, output.ToString().ReplaceLineEndings("\n"));
    }
}
