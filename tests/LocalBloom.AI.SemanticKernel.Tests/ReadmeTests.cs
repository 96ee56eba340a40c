using Microsoft.Agents.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.SemanticKernel;

namespace LocalBloom.AI.SemanticKernel.Tests;

/// <summary>The lines of the package's readme, as they stand there but for tokens and disposal.</summary>
public sealed class ReadmeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PromptFunction()
    {
        Kernel kernel = Kernel.CreateBuilder()
            .AddBloomChatCompletion(options => options.Model = "")
            .Build();
        await using var services = (ServiceProvider)kernel.Services;

        var settings = new BloomPromptExecutionSettings { Temperature = 0, MaxTokens = 48 };
        var variables = new KernelArguments(settings) { ["passage"] = "Anna lives in Berlin.", ["question"] = "Where does Anna live?" };
        string? answer = await kernel.InvokePromptAsync<string>("{{$passage}}\n\n{{$question}}", variables, cancellationToken: Cancellation);

        Assert.Equal("Berlin", answer);
    }

    [Fact]
    public async Task Agent()
    {
        using var client = new BloomChatClient(new BloomChatClientOptions());
        var agent = new ChatClientAgent(client, instructions: "Answer from the passage.", name: "Guide");
        AgentSession session = await agent.CreateSessionAsync(Cancellation);

        AgentResponse first = await agent.RunAsync(
            "Anna lives in Berlin. She works at the bakery near the station.\n\nWhere does Anna live?", session, cancellationToken: Cancellation);
        AgentResponse second = await agent.RunAsync("Where does Anna work?", session, cancellationToken: Cancellation);

        Assert.Equal("Berlin", first.Text);
        Assert.StartsWith("the bakery", second.Text, StringComparison.Ordinal);
    }
}
