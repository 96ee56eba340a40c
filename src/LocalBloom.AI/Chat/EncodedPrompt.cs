using LocalBloom.AI.Engine;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>A prompt's token ids, and what it cost to have them fit the context.</summary>
/// <param name="Ids">The token ids.</param>
/// <param name="DroppedMessages">How many messages were left out.</param>
/// <param name="ReplyTokens">For how many tokens of reply room was sought.</param>
internal readonly record struct EncodedPrompt(IReadOnlyList<int> Ids, int DroppedMessages, int ReplyTokens)
{
    // A reply cut to a few tokens helps nobody, and room for the longest possible one would cost history that it seldom needs.
    private const int ContextPartsForReply = 4;

    /// <summary>Encodes a request's conversation: the whole if there is room, else what the policy leaves of it.</summary>
    /// <remarks>
    /// As few turns are dropped as need be. Their number is found by tries that begin with the last turn and take twice as many until it is too
    /// many, and then by bisection: past the whole, no try is much longer than the context, however long the conversation is.
    /// </remarks>
    /// <param name="request">The conversation.</param>
    /// <param name="policy">What may be left out.</param>
    /// <param name="engine">A loaded engine.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="ContextOverflowException">What must stay leaves no room for a reply.</exception>
    public static EncodedPrompt Encode(
        ChatRequest request, ChatHistoryPolicy policy, IGenerationEngine engine, CancellationToken cancellationToken)
    {
        int replyTokens = Math.Max(1, Math.Min(request.MaxNewTokens, engine.MaxContextTokens / ContextPartsForReply));
        int[] cuts = policy is ChatHistoryPolicy.Refuse ? [] : FindCuts(request.Conversation);
        if (cuts.Length == 0)
        {
            return new EncodedPrompt(engine.Encode(request.Prompt), 0, replyTokens);
        }

        if (TryEncode(request.Prompt) is { } whole)
        {
            return new EncodedPrompt(whole, 0, replyTokens);
        }

        // Where even the last turn leaves less room than sought, the reply gets what there is, as without a policy.
        int[] stays = policy is ChatHistoryPolicy.KeepSystem ? FindSystem(request.Conversation) : [];
        List<ChatMessage> kept = Keep(request.Conversation, cuts[^1], stays);
        cancellationToken.ThrowIfCancellationRequested();
        IReadOnlyList<int> ids = engine.Encode(request.Template.Render(kept));
        int fit = 1; // turns, counted from the last
        int tooMany = cuts.Length + 1;
        while (tooMany - fit > 1 && ids.Count + replyTokens <= engine.MaxContextTokens)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int turns = Math.Min(2 * fit, (fit + tooMany) / 2);
            List<ChatMessage> more = Keep(request.Conversation, cuts[^turns], stays);
            if (TryEncode(request.Template.Render(more)) is { } fitting)
            {
                (kept, ids, fit) = (more, fitting, turns);
            }
            else
            {
                tooMany = turns;
            }
        }

        return new EncodedPrompt(ids, request.Conversation.Count - kept.Count, replyTokens);

        IReadOnlyList<int>? TryEncode(IReadOnlyList<PromptPart> prompt)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                IReadOnlyList<int> tried = engine.Encode(prompt);
                return tried.Count + replyTokens <= engine.MaxContextTokens ? tried : null;
            }
            catch (ContextOverflowException)
            {
                return null; // too long even to be encoded
            }
        }
    }

    // Where turns begin, the first apart: a conversation may be cut there. What stands before the first user message is a turn of its own.
    private static int[] FindCuts(IReadOnlyList<ChatMessage> conversation) =>
        [.. Enumerable.Range(1, conversation.Count - 1).Where(i => conversation[i].Role == ChatRole.User)];

    private static int[] FindSystem(IReadOnlyList<ChatMessage> conversation) =>
        [.. Enumerable.Range(0, conversation.Count).Where(i => conversation[i].Role == ChatRole.System)];

    private static List<ChatMessage> Keep(IReadOnlyList<ChatMessage> conversation, int cut, IEnumerable<int> stays) =>
        [.. stays.TakeWhile(i => i < cut).Select(i => conversation[i]), .. conversation.Skip(cut)];
}
