using LocalBloom.AI;
using LocalBloom.AI.Samples;
using LocalBloom.AI.SemanticKernel;
using Microsoft.Agents.AI;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.SemanticKernel;

const string Passage =
    "The village of Holm lies on a small island in the Baltic Sea. It has 640 inhabitants and is known for its smoked fish. " +
    "The ferry to the mainland leaves every morning at 6:45. The mayor, Karin Lindqvist, wants to build a new harbour.";

using CancellationTokenSource cancellation = Terminal.Open();

try
{
    if (Arguments.Parse(args) is not { } arguments)
    {
        Console.WriteLine(Arguments.Help);
        return 0;
    }

    Kernel kernel = Kernel.CreateBuilder()
        .AddBloomChatCompletion(options => options.Model = arguments.Model)
        .AddBloomChatClient() // for the agent; under the same service id, and so over the same weights
        .Build();
    await using var services = (ServiceProvider)kernel.Services;
    await kernel.GetRequiredService<BloomEngine>().LoadAsync(null, cancellation.Token);

    await AskPromptFunctionAsync(kernel, cancellation.Token);
    await AskAboutPluginsResultAsync(kernel, cancellation.Token);
    await TalkToAgentAsync(kernel.GetRequiredService<IChatClient>(), cancellation.Token);
    return 0;
}
catch (Exception e)
{
    return Failure.Tell(e, cancellation.Token);
}

static async Task AskPromptFunctionAsync(Kernel kernel, CancellationToken cancellationToken)
{
    Console.WriteLine("A prompt function");
    KernelFunction ask = kernel.CreateFunctionFromPrompt(
        "{{$passage}}\n\n{{$question}}", new BloomPromptExecutionSettings { Temperature = 0, MaxTokens = 48 });
    foreach (string question in new[] { "What is Holm known for?", "How old is the mayor?" })
    {
        var variables = new KernelArguments { ["passage"] = Passage, ["question"] = question };
        Say(question, await kernel.InvokeAsync<string>(ask, variables, cancellationToken));
    }
}

static async Task AskAboutPluginsResultAsync(Kernel kernel, CancellationToken cancellationToken)
{
    Console.WriteLine("A plugin's result in the prompt");
    kernel.Plugins.AddFromType<NoticeBoard>();
    const string Question = "Why was the school trip cancelled?";
    var variables = new KernelArguments { ["village"] = "Holm", ["question"] = Question };
    Say(Question, await kernel.InvokePromptAsync<string>("{{NoticeBoard.Read $village}}\n\n{{$question}}", variables, cancellationToken: cancellationToken));
}

static async Task TalkToAgentAsync(IChatClient client, CancellationToken cancellationToken)
{
    Console.WriteLine("An agent with a session");
    var agent = new ChatClientAgent(client, instructions: "Answer from the passage.", name: "Guide");
    AgentSession session = await agent.CreateSessionAsync(cancellationToken);

    string told = $"{Passage}\n\n"; // once: the session remembers it
    foreach (string question in new[] { "What is Holm known for?", "When does the ferry leave?", "What does the mayor want to build?" })
    {
        Console.Write($"  {question} ");
        await foreach (AgentResponseUpdate update in agent.RunStreamingAsync(told + question, session, cancellationToken: cancellationToken))
        {
            Console.Write(PrintableText.Of(update.Text));
        }

        Console.WriteLine();
        told = "";
    }
}

static void Say(string question, string? answer) => Console.WriteLine($"  {question} {PrintableText.Of(answer ?? "")}");
