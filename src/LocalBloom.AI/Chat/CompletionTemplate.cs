using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>The messages' text and nothing else.</summary>
internal sealed class CompletionTemplate : PromptTemplate
{
    public override IReadOnlyList<PromptPart> Render(IReadOnlyList<ChatMessage> messages) =>
        [.. messages.Where(message => message.Text.Length > 0).Select(message => new PromptPart(message.Text))];

    public override string ToString() => nameof(Completion);
}
