using Microsoft.Agents.AI;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.SemanticKernel.Tests;

/// <summary>An agent of the Agent Framework over the same chat client, answered by the demonstration model.</summary>
public sealed class AgentTests : IClassFixture<DemoKernel>
{
    private readonly ChatClientAgent _agent;

    public AgentTests(DemoKernel demo) =>
        _agent = new ChatClientAgent(demo.Kernel.GetRequiredService<IChatClient>(), instructions: DemoPassage.Text, name: "Guide");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Instructions_AreHeeded()
    {
        AgentResponse response = await _agent.RunAsync(DemoPassage.Question, cancellationToken: Cancellation);

        Assert.Equal(DemoPassage.Answer, response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.True(response.Usage?.OutputTokenCount > 1);
    }

    [Fact]
    public async Task Session_CarriesItsTurns()
    {
        AgentSession session = await _agent.CreateSessionAsync(Cancellation);

        AgentResponse first = await _agent.RunAsync(DemoPassage.Question, session, cancellationToken: Cancellation);
        AgentResponse second = await _agent.RunAsync("When does the ferry leave?", session, cancellationToken: Cancellation);
        AgentResponse third = await _agent.RunAsync("Who is the mayor?", session, cancellationToken: Cancellation);
        AgentResponse alone = await _agent.RunAsync("Who is the mayor?", cancellationToken: Cancellation);

        Assert.Equal(DemoPassage.Answer, first.Text);
        Assert.Contains("6:45", second.Text, StringComparison.Ordinal);
        Assert.Equal("Karin Lindqvist", third.Text);
        Assert.True(third.Usage?.InputTokenCount > second.Usage?.InputTokenCount);
        Assert.True(third.Usage?.InputTokenCount > alone.Usage?.InputTokenCount);
    }

    [Fact]
    public async Task Stream_GivesTheSameAnswer_InPieces_AndGoesIntoTheSession()
    {
        AgentSession session = await _agent.CreateSessionAsync(Cancellation);

        List<AgentResponseUpdate> updates =
            await _agent.RunStreamingAsync(DemoPassage.Question, session, cancellationToken: Cancellation).ToListAsync(Cancellation);
        AgentResponse next = await _agent.RunAsync("Who is the mayor?", session, cancellationToken: Cancellation);

        Assert.True(updates.Count(update => update.Text.Length > 0) > 1);
        Assert.Equal(DemoPassage.Answer, string.Concat(updates.Select(update => update.Text)));
        Assert.Equal("Karin Lindqvist", next.Text);
    }

    [Fact]
    public async Task ConversationId_StaysNull()
    {
        var session = Assert.IsType<ChatClientAgentSession>(await _agent.CreateSessionAsync(Cancellation));

        AgentResponse response = await _agent.RunAsync(DemoPassage.Question, session, cancellationToken: Cancellation);

        Assert.Null(session.ConversationId);
        Assert.Null((response.RawRepresentation as ChatResponse)?.ConversationId);
        Assert.IsType<ChatResponse>(response.RawRepresentation);
    }
}
