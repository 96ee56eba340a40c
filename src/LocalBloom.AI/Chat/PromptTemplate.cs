using System.ComponentModel;
using LocalBloom.AI.Chat;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI;

/// <summary>Turns chat messages into the text that the model continues. Derive from it to bring your own; instances must be thread-safe.</summary>
/// <remarks>In configuration, the templates here stand by their names: <c>Bloomz</c>, <c>Completion</c> or <c>Dialogue</c>.</remarks>
[TypeConverter(typeof(PromptTemplateConverter))]
public abstract class PromptTemplate
{
    /// <summary>Gets the template for BLOOMZ: plain instructions, with the last turn left open.</summary>
    /// <remarks>
    /// BLOOMZ learned to answer a plain text, without roles; it replies well where the text makes clear where the question ends
    /// ("Translate to English: Je t'aime. Translation:"). Texts are joined by line breaks. An earlier reply is closed with
    /// <c>&lt;/s&gt;</c>, as BLOOMZ closes its answers; a reply that comes last stays open and is continued. A single user message
    /// gives exactly its text.
    /// </remarks>
    public static PromptTemplate Bloomz { get; } = new BloomzTemplate();

    /// <summary>Gets the template for raw completion by base BLOOM: the messages' text and nothing else.</summary>
    public static PromptTemplate Completion { get; } = new CompletionTemplate();

    /// <summary>Gets a general dialogue between named speakers, for base BLOOM.</summary>
    /// <remarks>
    /// System texts stand as they are, turns as lines that begin with <c>User:</c> or <c>Assistant:</c>; the prompt ends in
    /// <c>Assistant:</c>, or in the last reply if that is to be continued. A reply ends where the model begins another turn. To the
    /// model a turn is only text: a line in a user's or an assistant's text that begins like a turn gets a space before it, so that it
    /// does not look exactly like one, but no plain text can keep a user from imitating one.
    /// </remarks>
    public static PromptTemplate Dialogue { get; } = new DialogueTemplate();

    /// <summary>Gets texts at which a reply ends in this format, besides those of the request: together at most 64, of 1 to 1,024 characters each.</summary>
    public virtual IReadOnlyList<string> StopSequences => [];

    /// <summary>Gets a value indicating whether white space at the start of a reply belongs to the format and is left out, as after <c>Assistant:</c>.</summary>
    public virtual bool TrimsReplyStart => false;

    /// <summary>Renders a conversation up to where the reply begins.</summary>
    /// <param name="messages">System, user and assistant messages in order, each with text only. Those without text are skipped.</param>
    /// <returns>The prompt in pieces; text pieces never become special tokens.</returns>
    public abstract IReadOnlyList<PromptPart> Render(IReadOnlyList<ChatMessage> messages);
}
