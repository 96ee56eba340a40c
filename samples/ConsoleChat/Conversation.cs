using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Samples;

/// <summary>The history of a chat, and the passage that goes in front of the next question.</summary>
/// <remarks>
/// Only complete turns are kept. A reply that was cancelled or failed is forgotten with its question: to the model, half a sentence in the
/// history would look like a whole answer of its own, and it would go on in that manner.
/// </remarks>
internal sealed class Conversation(string? system = null)
{
    private readonly List<ChatMessage> _messages = Begin(system);

    public IReadOnlyList<ChatMessage> Messages => _messages;

    public Passage? Passage { get; private set; }

    /// <summary>Gets a value indicating whether the next question comes after the passage.</summary>
    public bool IsPassageDue { get; private set; }

    /// <summary>Sets the passage for the next question and, after <see cref="Restart"/>, for the first one again.</summary>
    public void Use(Passage? passage)
    {
        Passage = passage;
        IsPassageDue = passage is not null;
    }

    /// <summary>Forgets all turns; the passage goes in front of the next question again.</summary>
    public void Restart()
    {
        _messages.Clear();
        _messages.AddRange(Begin(system));
        IsPassageDue = Passage is not null;
    }

    /// <summary>Gets the message that asks a question: after the passage, if that is due.</summary>
    public ChatMessage Ask(string question) =>
        new(ChatRole.User, IsPassageDue && Passage is { } passage ? $"{passage.Text}\n\n{question}" : question);

    /// <summary>Keeps a turn that was completed.</summary>
    public void Keep(ChatMessage question, string reply)
    {
        _messages.Add(question);
        _messages.Add(new ChatMessage(ChatRole.Assistant, reply));
        IsPassageDue = false;
    }

    private static List<ChatMessage> Begin(string? system) => string.IsNullOrWhiteSpace(system) ? [] : [new(ChatRole.System, system)];
}
