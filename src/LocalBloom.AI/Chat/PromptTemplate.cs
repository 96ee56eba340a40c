using Microsoft.Extensions.AI;

namespace LocalBloom.AI;

/// <summary>Turns chat messages into the text that the model continues. Derive from it to bring your own; instances must be thread-safe.</summary>
public abstract class PromptTemplate
{
    /// <summary>Gets the template for BLOOMZ: plain instructions, with the last turn left open.</summary>
    public static PromptTemplate Bloomz { get; } = new CompletionTemplate();

    /// <summary>Gets the template for raw completion by base BLOOM: the messages' text and nothing else.</summary>
    public static PromptTemplate Completion { get; } = new CompletionTemplate();

    /// <summary>Gets a general dialogue between named speakers.</summary>
    public static PromptTemplate Dialogue { get; } = new CompletionTemplate();

    /// <summary>Gets texts at which a reply ends in this format, besides those of the request.</summary>
    public virtual IReadOnlyList<string> StopSequences => [];

    /// <summary>Renders a conversation up to where the reply begins.</summary>
    /// <param name="messages">System, user and assistant messages in order, each with text only.</param>
    /// <returns>The prompt in pieces; text pieces never become special tokens.</returns>
    public abstract IReadOnlyList<PromptPart> Render(IReadOnlyList<ChatMessage> messages);

    private sealed class CompletionTemplate : PromptTemplate
    {
        public override IReadOnlyList<PromptPart> Render(IReadOnlyList<ChatMessage> messages) => [.. messages.Select(m => new PromptPart(m.Text))];
    }
}
