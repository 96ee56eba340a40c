using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Chat;

/// <summary>Shows what a template is given: <c>[role]text</c> for each message.</summary>
internal sealed class RoleTemplate : PromptTemplate
{
    public override IReadOnlyList<string> StopSequences => ["[user]"];

    public override IReadOnlyList<PromptPart> Render(IReadOnlyList<ChatMessage> messages) =>
        [.. messages.Select(message => new PromptPart($"[{message.Role}]{message.Text}"))];
}
