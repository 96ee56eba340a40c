using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Tests.Chat;

/// <summary>The fake engine's tokens are characters, and the template writes <c>[role]text</c>: lengths can be counted.</summary>
public class HistoryPolicyTests
{
    private const string LastTurn = "[user]last";

    // "[system]S" has 9 characters, "[user]uN" 8, "[assistant]aN" 13: a whole turn has 21, the last 10, the conversation 9 + 4 * 21 + 10 = 103.
    private static readonly ChatMessage[] s_conversation =
    [
        new(ChatRole.System, "S"),
        .. Enumerable.Range(1, 4).SelectMany(i => (ChatMessage[])[new(ChatRole.User, $"u{i}"), new(ChatRole.Assistant, $"a{i}")]),
        new(ChatRole.User, "last"),
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ChatHistoryPolicy.DropOldestTurns, 104, 0, "[system]S[user]u1[assistant]a1[user]u2[assistant]a2[user]u3[assistant]a3[user]u4[assistant]a4")]
    [InlineData(ChatHistoryPolicy.KeepSystem, 104, 0, "[system]S[user]u1[assistant]a1[user]u2[assistant]a2[user]u3[assistant]a3[user]u4[assistant]a4")]
    [InlineData(ChatHistoryPolicy.DropOldestTurns, 103, 1, "[user]u1[assistant]a1[user]u2[assistant]a2[user]u3[assistant]a3[user]u4[assistant]a4")]
    [InlineData(ChatHistoryPolicy.KeepSystem, 103, 2, "[system]S[user]u2[assistant]a2[user]u3[assistant]a3[user]u4[assistant]a4")]
    [InlineData(ChatHistoryPolicy.DropOldestTurns, 94, 3, "[user]u2[assistant]a2[user]u3[assistant]a3[user]u4[assistant]a4")]
    [InlineData(ChatHistoryPolicy.KeepSystem, 62, 4, "[system]S[user]u3[assistant]a3[user]u4[assistant]a4")]
    [InlineData(ChatHistoryPolicy.DropOldestTurns, 32, 7, "[user]u4[assistant]a4")]
    [InlineData(ChatHistoryPolicy.DropOldestTurns, 31, 9, "")]
    [InlineData(ChatHistoryPolicy.KeepSystem, 20, 8, "[system]S")]
    [InlineData(ChatHistoryPolicy.DropOldestTurns, 11, 9, "")]
    public async Task OldestTurns_AreDropped_AsFewAsNeedBe(ChatHistoryPolicy policy, int context, int dropped, string kept)
    {
        using var log = new RecordingLoggerFactory();
        var engine = new ShortEngine(context);
        using BloomChatClient client = Create(engine, policy, log);

        ChatResponse response = await client.GetResponseAsync(s_conversation, new() { MaxOutputTokens = 1 }, Token);

        Assert.Equal(kept + LastTurn, engine.Inner.LastPrompt);
        Assert.Equal(dropped == 0 ? null : dropped, response.AdditionalProperties?["dropped_messages"]);
        Assert.Equal(dropped == 0 ? null : dropped, response.Messages[0].AdditionalProperties?["dropped_messages"]);
        Assert.Equal(dropped == 0 ? 0 : 1, log.Entries.Count(entry => entry.Event.Id == 101));
        Assert.All(log.Entries, entry =>
        {
            Assert.Equal(LogLevel.Information, entry.Level);
            Assert.StartsWith($"{dropped} of 10 messages", entry.Text, StringComparison.Ordinal);
            Assert.DoesNotContain("u1", entry.Text, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData(ChatHistoryPolicy.DropOldestTurns)]
    [InlineData(ChatHistoryPolicy.KeepSystem)]
    public async Task Room_IsLeftForTheReply_UpToAQuarterOfTheContext(ChatHistoryPolicy policy)
    {
        var engine = new ShortEngine(120); // 103 of the conversation leave 17

        using BloomChatClient client = Create(engine, policy);
        await client.GetResponseAsync(s_conversation, new() { MaxOutputTokens = 17 }, Token);
        Assert.Equal(103, engine.Inner.LastRequest.PromptIds.Count);

        await client.GetResponseAsync(s_conversation, new() { MaxOutputTokens = 18 }, Token);
        Assert.True(engine.Inner.LastRequest.PromptIds.Count is < 103 and > 80);

        await client.GetResponseAsync(s_conversation, new() { MaxOutputTokens = 1000 }, Token); // 30 at most are kept free
        Assert.Equal(policy is ChatHistoryPolicy.KeepSystem ? 82 : 73, engine.Inner.LastRequest.PromptIds.Count);
    }

    [Fact]
    public async Task Instructions_CountAsSystem()
    {
        var engine = new ShortEngine(50);
        ChatMessage[] messages = [new(ChatRole.User, new string('a', 50)), new(ChatRole.Assistant, "b"), new(ChatRole.User, "last")];
        var options = new ChatOptions { Instructions = "Be brief.", MaxOutputTokens = 1 };

        using BloomChatClient keeping = Create(engine, ChatHistoryPolicy.KeepSystem);
        await keeping.GetResponseAsync(messages, options, Token);
        Assert.Equal("[system]Be brief.[user]last", engine.Inner.LastPrompt);

        using BloomChatClient dropping = Create(engine, ChatHistoryPolicy.DropOldestTurns);
        await dropping.GetResponseAsync(messages, options, Token);
        Assert.Equal("[user]last", engine.Inner.LastPrompt);
    }

    [Fact]
    public async Task LastUserMessage_StaysWithWhatFollows()
    {
        var engine = new ShortEngine(40);
        ChatMessage[] messages = [new(ChatRole.User, new string('a', 50)), new(ChatRole.User, "last"), new(ChatRole.Assistant, "It is")];

        using BloomChatClient client = Create(engine, ChatHistoryPolicy.KeepSystem);
        await client.GetResponseAsync(messages, cancellationToken: Token);

        Assert.Equal("[user]last[assistant]It is", engine.Inner.LastPrompt);
    }

    [Theory]
    [InlineData(ChatHistoryPolicy.Refuse, 103)]
    [InlineData(ChatHistoryPolicy.DropOldestTurns, 10)]
    [InlineData(ChatHistoryPolicy.KeepSystem, 19)]
    public async Task WhatMustStay_TooLong_Refused(ChatHistoryPolicy policy, int context)
    {
        using BloomChatClient client = Create(new ShortEngine(context), policy);

        ContextOverflowException error = await Assert.ThrowsAsync<ContextOverflowException>(() => client.GetResponseAsync(s_conversation, cancellationToken: Token));

        Assert.Equal(context, error.PromptTokens); // of what must stay
    }

    [Fact]
    public async Task WhatMustStay_LeavesLessRoomThanSought_IsAnsweredAsWithoutAPolicy()
    {
        var engine = new ShortEngine(12); // a quarter is 3, and the last turn leaves 2

        using BloomChatClient client = Create(engine, ChatHistoryPolicy.DropOldestTurns);
        await client.GetResponseAsync(s_conversation, cancellationToken: Token);

        Assert.Equal(LastTurn, engine.Inner.LastPrompt);
    }

    [Theory]
    [InlineData(ChatHistoryPolicy.DropOldestTurns)]
    [InlineData(ChatHistoryPolicy.KeepSystem)]
    public async Task NoUserMessage_NothingIsDropped(ChatHistoryPolicy policy)
    {
        using BloomChatClient client = Create(new ShortEngine(20), policy);

        await Assert.ThrowsAsync<ContextOverflowException>(
            () => client.GetResponseAsync([new(ChatRole.Assistant, "0123456789"), new(ChatRole.Assistant, "0123456789")], cancellationToken: Token));
    }

    [Fact]
    public async Task LongHistory_IsEncodedAFewTimes()
    {
        var engine = new ShortEngine(200);
        ChatMessage[] messages = [.. Enumerable.Range(0, 1000).Select(i => new ChatMessage(ChatRole.User, $"{i:000}"))];

        using BloomChatClient client = Create(engine, ChatHistoryPolicy.DropOldestTurns);
        ChatResponse response = await client.GetResponseAsync(messages, new() { MaxOutputTokens = 2 }, Token);

        Assert.Equal(1000 - 22, response.AdditionalProperties?["dropped_messages"]); // 22 * 9 = 198
        Assert.True(engine.Encodings <= 12, $"The prompt was encoded {engine.Encodings} times.");
    }

    [Theory]
    [InlineData(ChatHistoryPolicy.DropOldestTurns, 22)] // 22 * 9 = 198
    [InlineData(ChatHistoryPolicy.KeepSystem, 21)] // 9 + 21 * 9 = 198
    public async Task VeryLongHistory_IsRenderedOnce_AndThenOnlyItsEnd(ChatHistoryPolicy policy, int turns)
    {
        const int Turns = 100_000;
        var engine = new ShortEngine(200);
        var template = new CountingTemplate();
        ChatMessage[] messages = [new(ChatRole.System, "S"), .. Enumerable.Range(0, Turns).Select(i => new ChatMessage(ChatRole.User, $"{i % 1000:000}"))];

        using BloomChatClient client = Create(engine, policy, template: template);
        ChatResponse response = await client.GetResponseAsync(messages, new() { MaxOutputTokens = 2 }, Token);

        Assert.Equal(Turns + 1 - turns - (policy is ChatHistoryPolicy.KeepSystem ? 1 : 0), response.AdditionalProperties?["dropped_messages"]);
        Assert.True(template.Lengths.Count <= 12, $"The conversation was rendered {template.Lengths.Count} times.");
        Assert.Equal(Turns + 1, template.Lengths[0]);
        Assert.All(template.Lengths.Skip(1), length => Assert.InRange(length, 1, 2 * turns));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Cancelled_WhileTurnsAreDropped_RendersNoMore(int renderings)
    {
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var template = new CountingTemplate();
        template.Rendered = () =>
        {
            if (template.Lengths.Count == renderings)
            {
                cancellation.Cancel();
            }
        };
        using BloomChatClient client = Create(new ShortEngine(62), ChatHistoryPolicy.DropOldestTurns, template: template);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync(s_conversation, cancellationToken: cancellation.Token));

        Assert.Equal(renderings, template.Lengths.Count);
    }

    [Fact]
    public async Task Encoding_WaitsForTheModel()
    {
        var engine = new ShortEngine(50);
        using BloomChatClient client = Create(engine, ChatHistoryPolicy.DropOldestTurns);

        IAsyncEnumerable<ChatResponseUpdate> stream = client.GetStreamingResponseAsync(s_conversation, cancellationToken: Token);
        Assert.Equal(0, engine.Encodings);

        await stream.ToListAsync(Token);
        Assert.NotEqual(0, engine.Encodings);
    }

    private static BloomChatClient Create(ShortEngine engine, ChatHistoryPolicy policy, ILoggerFactory? log = null, PromptTemplate? template = null) => new(
        engine,
        ownsEngine: false,
        new BloomChatClientOptions { Model = "m", PromptTemplate = template ?? new RoleTemplate(), HistoryPolicy = policy },
        log);

    private sealed class CountingTemplate : PromptTemplate
    {
        private readonly RoleTemplate _inner = new();

        public List<int> Lengths { get; } = [];

        public Action Rendered { get; set; } = () => { };

        public override IReadOnlyList<PromptPart> Render(IReadOnlyList<ChatMessage> messages)
        {
            Lengths.Add(messages.Count);
            Rendered();
            return _inner.Render(messages);
        }
    }
}
