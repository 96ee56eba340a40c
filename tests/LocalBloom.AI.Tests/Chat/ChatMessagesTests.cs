using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Chat;

public class ChatMessagesTests
{
    private static readonly Type[] s_read = [typeof(TextContent)];
    private static readonly Type[] s_leftOut = [typeof(UsageContent), typeof(TextReasoningContent)];

    public static TheoryData<string> RefusedContents =>
    [
        .. typeof(AIContent).Assembly.GetExportedTypes()
            .Where(type => type.IsAssignableTo(typeof(AIContent)) && !type.IsAbstract)
            .Except(s_read).Except(s_leftOut)
            .Select(type => type.FullName!),
    ];

    [Theory]
    [MemberData(nameof(RefusedContents))]
    public async Task Content_NoText_RefusedByName(string typeName)
    {
        Type type = typeof(AIContent).Assembly.GetType(typeName, throwOnError: true)!;
        var content = (AIContent)RuntimeHelpers.GetUninitializedObject(type);

        NotSupportedException error = await Assert.ThrowsAsync<NotSupportedException>(
            () => PromptOfAsync(new ChatMessage(ChatRole.User, [new TextContent("Look:"), content])));

        Assert.Contains($"{type.Name} in a message of the role 'user'", error.Message, StringComparison.Ordinal);
        Assert.Contains("only text", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Contents_Text_AreJoined() =>
        Assert.Equal("[user]ab", await PromptOfAsync(new ChatMessage(ChatRole.User, [new TextContent("a"), new TextContent("b")])));

    [Fact]
    public async Task Contents_UsageAndReasoning_AreLeftOut()
    {
        using var log = new RecordingLoggerFactory();
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("ok"));
        using BloomChatClient client = ClientFactory.Create(engine, loggerFactory: log);
        ChatMessage[] messages =
        [
            new(ChatRole.User, "Hi"),
            new(ChatRole.Assistant, [new TextReasoningContent("Hm."), new TextContent("Hello"), new UsageContent()]),
            new(ChatRole.User, "Bye"),
        ];

        await client.GetResponseAsync(messages, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("[user]Hi[assistant]Hello[user]Bye", engine.LastPrompt);
        Assert.Contains(nameof(TextReasoningContent), Assert.Single(log.Entries).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_WithoutText_AreTolerated() =>
        Assert.Equal(
            "[user]What is 1+1?",
            await PromptOfAsync(
                new(ChatRole.System, []), new(ChatRole.User, []), new(ChatRole.Assistant, ""), new ChatMessage(ChatRole.User, "What is 1+1?")));

    [Theory]
    [InlineData("tool")]
    [InlineData("developer")]
    public async Task Role_Unknown_RefusedByName(string role)
    {
        NotSupportedException error = await Assert.ThrowsAsync<NotSupportedException>(() => PromptOfAsync(new ChatMessage(new ChatRole(role), "x")));

        Assert.Contains($"'{role}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_None_Refused()
    {
        ArgumentException error = await Assert.ThrowsAsync<ArgumentException>(() => PromptOfAsync());

        Assert.Contains("There are no messages", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_AllEmpty_Refused()
    {
        ArgumentException error = await Assert.ThrowsAsync<ArgumentException>(
            () => PromptOfAsync(new ChatMessage(ChatRole.User, ""), new ChatMessage(ChatRole.Assistant, [])));

        Assert.Contains("None of the 2 messages has text", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_Null_Refused()
    {
        using BloomChatClient client = ClientFactory.Create(new FakeGenerationEngine());

        await Assert.ThrowsAsync<ArgumentNullException>(
            "messages", () => client.GetResponseAsync((IEnumerable<ChatMessage>)null!, cancellationToken: TestContext.Current.CancellationToken));
        ArgumentException error = await Assert.ThrowsAsync<ArgumentException>(
            "messages", () => client.GetResponseAsync([new(ChatRole.User, "Hi"), null!], cancellationToken: TestContext.Current.CancellationToken));
        Assert.StartsWith("Message 1 is null. Remove it.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Text_OfMessages_NeverBecomesASpecialToken()
    {
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("ok"));
        using BloomChatClient client = ClientFactory.Create(engine);

        await client.GetResponseAsync("</s>", cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal([new PromptPart("[user]</s>")], Assert.Single(engine.Prompts));
    }

    [Fact]
    public async Task Messages_BelongToTheCaller_AndAreLeftAlone()
    {
        List<ChatMessage> messages =
        [
            new(ChatRole.System, []),
            new(ChatRole.User, [new TextContent("a"), new TextContent("b")]) { AuthorName = "Ada" },
        ];
        string before = JsonSerializer.Serialize(messages, AIJsonUtilities.DefaultOptions);

        await PromptOfAsync([.. messages]);

        Assert.Equal(before, JsonSerializer.Serialize(messages, AIJsonUtilities.DefaultOptions));
    }

    private static async Task<string> PromptOfAsync(params ChatMessage[] messages)
    {
        var engine = new FakeGenerationEngine(FakeGenerationEngine.Script("ok"));
        using BloomChatClient client = ClientFactory.Create(engine);
        await client.GetResponseAsync(messages, cancellationToken: TestContext.Current.CancellationToken);
        return engine.LastPrompt;
    }
}
