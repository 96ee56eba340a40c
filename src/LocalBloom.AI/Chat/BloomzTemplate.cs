using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>Plain instructions and answers, as BLOOMZ was finetuned on them.</summary>
internal sealed class BloomzTemplate : PromptTemplate
{
    private static readonly PromptPart s_endOfAnswer = new("</s>", IsSpecialToken: true);

    public override IReadOnlyList<PromptPart> Render(IReadOnlyList<ChatMessage> messages)
    {
        var parts = new List<PromptPart>();
        ChatRole? previous = null;
        foreach (ChatMessage message in messages.Where(message => message.Text.Length > 0))
        {
            if (previous == ChatRole.Assistant)
            {
                parts.Add(s_endOfAnswer);
            }

            parts.Add(new PromptPart(previous is null ? message.Text : "\n" + message.Text));
            previous = message.Role;
        }

        return parts;
    }

    public override string ToString() => nameof(Bloomz);
}
