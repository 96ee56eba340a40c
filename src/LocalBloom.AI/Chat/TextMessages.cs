using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>Reduces a conversation to what a prompt template takes: system, user and assistant messages with text.</summary>
internal static class TextMessages
{
    /// <summary>Copies the messages that have text, instructions first.</summary>
    /// <param name="messages">The caller's messages, which are left as they are.</param>
    /// <param name="instructions">Text of a system message to put in front.</param>
    /// <param name="ignored">Receives the names of contents that are left out.</param>
    /// <exception cref="ArgumentException">No message has text, or one is null.</exception>
    /// <exception cref="NotSupportedException">A role or a content is not supported.</exception>
    public static IReadOnlyList<ChatMessage> From(IEnumerable<ChatMessage> messages, string? instructions, ISet<string> ignored)
    {
        var conversation = new List<ChatMessage>();
        int count = 0;
        foreach (ChatMessage message in messages)
        {
            string text = ReadText(message ?? throw new ArgumentException($"Message {count} is null. Remove it.", nameof(messages)), ignored);
            count++;
            if (text.Length > 0)
            {
                conversation.Add(new ChatMessage(message.Role, text) { AuthorName = message.AuthorName });
            }
        }

        if (conversation.Count == 0)
        {
            throw new ArgumentException(
                count == 0
                    ? "There are no messages. Give at least one with text."
                    : $"None of the {count} messages has text. Give at least one that has.",
                nameof(messages));
        }

        return string.IsNullOrEmpty(instructions) ? conversation : [new ChatMessage(ChatRole.System, instructions), .. conversation];
    }

    private static string ReadText(ChatMessage message, ISet<string> ignored)
    {
        ChatRole role = message.Role;
        if (role != ChatRole.System && role != ChatRole.User && role != ChatRole.Assistant)
        {
            throw new NotSupportedException(
                $"Messages with the role '{role}' are not supported: BLOOM was trained with no such turns. Use system, user or assistant.");
        }

        foreach (AIContent content in message.Contents)
        {
            switch (content)
            {
                case TextContent or UsageContent: // usage is an account of an earlier reply, not a part of it
                    break;
                case TextReasoningContent: // another model's thoughts, which no provider repeats to a model that has none
                    ignored.Add(nameof(TextReasoningContent));
                    break;
                default:
                    throw new NotSupportedException(
                        $"{content?.GetType().Name ?? "A null content"} in a message of the role '{role}' is not supported: BLOOM reads only text. " +
                        "Remove it, or say it in a TextContent.");
            }
        }

        return message.Text;
    }
}
