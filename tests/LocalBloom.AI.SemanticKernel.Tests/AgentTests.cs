using Microsoft.Agents.AI;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.SemanticKernel.Tests;

/// <summary>An agent of the Agent Framework over the same chat client, answered by the demonstration model.</summary>
public sealed class AgentTests(DemoKernel demo) : IClassFixture<DemoKernel>
{
    private const string FirstTurn = $"{DemoPassage.Text}\n\n{DemoPassage.Question}";
    private const string SecondTurn = "When does the ferry leave?";
    private const string ThirdTurn = "What does the mayor want to build?";

    private readonly IChatClient _client = demo.Kernel.GetRequiredService<IChatClient>();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Instructions_GoBeforeTheConversation()
    {
        AgentResponse told = await Agent($"User: {DemoPassage.Text}").RunAsync(DemoPassage.Question, cancellationToken: Cancellation);
        AgentResponse untold = await Agent(null).RunAsync(DemoPassage.Question, cancellationToken: Cancellation);

        Assert.Equal(DemoPassage.Answer, told.Text); // the model reads them as what was said before
        Assert.NotEqual(told.Text, untold.Text);
        Assert.Equal(ChatFinishReason.Stop, told.FinishReason);
        Assert.True(told.Usage?.InputTokenCount > untold.Usage?.InputTokenCount);
    }

    [Fact]
    public async Task Session_CarriesItsTurns()
    {
        ChatClientAgent agent = Agent("Answer from the passage.");
        AgentSession session = await agent.CreateSessionAsync(Cancellation);

        AgentResponse first = await agent.RunAsync(FirstTurn, session, cancellationToken: Cancellation);
        AgentResponse second = await agent.RunAsync(SecondTurn, session, cancellationToken: Cancellation);
        AgentResponse third = await agent.RunAsync(ThirdTurn, session, cancellationToken: Cancellation);
        AgentResponse alone = await agent.RunAsync(ThirdTurn, cancellationToken: Cancellation);

        Assert.Equal(DemoPassage.Answer, first.Text);
        Assert.Equal("6:45", second.Text);
        Assert.Equal("a new harbour", third.Text);
        Assert.NotEqual(third.Text, alone.Text);
        Assert.True(third.Usage?.InputTokenCount > second.Usage?.InputTokenCount);
    }

    [Fact]
    public async Task Stream_GivesTheSameAnswer_InPieces_AndGoesIntoTheSession()
    {
        ChatClientAgent agent = Agent("Answer from the passage.");
        AgentSession session = await agent.CreateSessionAsync(Cancellation);

        List<AgentResponseUpdate> updates = await agent.RunStreamingAsync(FirstTurn, session, cancellationToken: Cancellation).ToListAsync(Cancellation);
        AgentResponse next = await agent.RunAsync(SecondTurn, session, cancellationToken: Cancellation);

        Assert.True(updates.Count(update => update.Text.Length > 0) > 1);
        Assert.Equal(DemoPassage.Answer, string.Concat(updates.Select(update => update.Text)));
        Assert.Equal("6:45", next.Text);
    }

    [Fact]
    public async Task ConversationId_StaysNull()
    {
        ChatClientAgent agent = Agent(null);
        var session = Assert.IsType<ChatClientAgentSession>(await agent.CreateSessionAsync(Cancellation));

        for (int turn = 0; turn < 2; turn++)
        {
            AgentResponse response = await agent.RunAsync(FirstTurn, session, cancellationToken: Cancellation);

            Assert.Null(session.ConversationId);
            Assert.Null(Assert.IsType<ChatResponse>(response.RawRepresentation).ConversationId);
        }
    }

    private ChatClientAgent Agent(string? instructions) => new(_client, instructions, name: "Guide");
}
