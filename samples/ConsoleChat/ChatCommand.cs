namespace LocalBloom.AI.Samples;

internal enum ChatCommandKind
{
    /// <summary>Nothing was typed.</summary>
    Nothing,

    /// <summary>No command: a question to the model.</summary>
    Ask,

    Help,
    New,
    History,
    Passage,
    Plan,
    Quit,
    Unknown,
}

/// <summary>A line that was typed: a command and its argument, or a question.</summary>
/// <param name="Kind">What is to be done.</param>
/// <param name="Text">The question, the command's argument, or the unknown command; trimmed.</param>
internal sealed record ChatCommand(ChatCommandKind Kind, string Text = "")
{
    public const string Help = """
        Commands:
          /help           this list
          /new            begin a new conversation; the passage goes in front of its first question
          /history        show the conversation so far
          /passage        show the passage
          /passage FILE   put a text file as passage in front of the next question
          /passage -      do without a passage
          /plan           show which device holds what
          /quit           leave, as do Ctrl+C and Ctrl+D at the prompt
        Ctrl+C during a reply cancels that reply. A question that begins with a slash is typed with two.
        """;

    public static ChatCommand Parse(string line)
    {
        string text = line.Trim();
        if (text.Length == 0)
        {
            return new(ChatCommandKind.Nothing);
        }

        if (text[0] != '/')
        {
            return new(ChatCommandKind.Ask, text);
        }

        if (text.StartsWith("//", StringComparison.Ordinal))
        {
            return new(ChatCommandKind.Ask, text[1..]);
        }

        string name = text.Split([' ', '\t'], 2)[0];
        string argument = text[name.Length..].Trim();
        ChatCommandKind kind = KindOf(name);
        return kind is ChatCommandKind.Passage || (kind is not ChatCommandKind.Unknown && argument.Length == 0)
            ? new(kind, argument)
            : new(ChatCommandKind.Unknown, text);
    }

    private static ChatCommandKind KindOf(string name) => name.ToUpperInvariant() switch
    {
        "/HELP" or "/?" => ChatCommandKind.Help,
        "/NEW" => ChatCommandKind.New,
        "/HISTORY" => ChatCommandKind.History,
        "/PASSAGE" => ChatCommandKind.Passage,
        "/PLAN" => ChatCommandKind.Plan,
        "/QUIT" or "/EXIT" => ChatCommandKind.Quit,
        _ => ChatCommandKind.Unknown,
    };
}
