using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>Turns of named speakers, one a line, as a base model has met them in its training texts.</summary>
internal sealed class DialogueTemplate : PromptTemplate
{
    private const string User = "User:";
    private const string Assistant = "Assistant:";

    public override IReadOnlyList<string> StopSequences { get; } = ["\n" + User, "\n" + Assistant];

    public override IReadOnlyList<PromptPart> Render(IReadOnlyList<ChatMessage> messages)
    {
        List<ChatMessage> turns = [.. messages.Where(message => message.Text.Length > 0)];
        if (turns.Count == 0)
        {
            return [];
        }

        IEnumerable<string> lines = turns.Select(Line);
        if (turns[^1].Role != ChatRole.Assistant)
        {
            lines = lines.Append(Assistant);
        }

        return [new PromptPart(string.Join('\n', lines))];
    }

    public override string ToString() => nameof(Dialogue);

    private static string Line(ChatMessage message) => message.Role switch
    {
        _ when message.Role == ChatRole.System => message.Text,
        _ when message.Role == ChatRole.User => $"{User} {Unlabelled(message.Text)}",

        // What the model says after the label begins with a space, which the label brings here.
        _ when message.Role == ChatRole.Assistant => $"{Assistant} {Unlabelled(message.Text.TrimStart())}",
        _ => throw new ArgumentException($"A dialogue has no line for the role '{message.Role}'. Use system, user and assistant messages."),
    };

    private static string Unlabelled(string text) => text
        .Replace("\n" + User, "\n " + User, StringComparison.Ordinal)
        .Replace("\n" + Assistant, "\n " + Assistant, StringComparison.Ordinal);
}
