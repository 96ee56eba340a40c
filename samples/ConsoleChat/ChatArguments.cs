namespace LocalBloom.AI.Samples;

/// <summary>What the person asked for when starting the chat.</summary>
internal sealed record ChatArguments
{
    public const string Help = $"""
        Chats with a BLOOM model in the terminal.

        Usage: ConsoleChat [options]
        The small model knows only what a passage says: for it, a passage on the village of Holm goes in front of the first question.

          --passage FILE        a text file that goes in front of the first question
          --no-passage          begin without a passage
          --system TEXT         a system message at the beginning of every conversation
          --context N           most tokens of the conversation and the reply together; by default what the model declares
          --history NAME        when the conversation is longer: refuse (default), drop-oldest, or keep-system (drops all but system messages)
        {ModelArguments.Help}
          --help                this text

        {ChatCommand.Help}

        Exit codes: 0 left, 1 failed (with piped input: or a question failed), 2 wrong arguments, 130 cancelled while loading.
        """;

    public required ModelArguments Model { get; init; }

    public string? PassageFile { get; private init; }

    public bool NoPassage { get; private init; }

    public string? System { get; private init; }

    public int? ContextTokens { get; private init; }

    public ChatHistoryPolicy History { get; private init; }

    /// <returns><see langword="null"/> where help was asked for.</returns>
    /// <exception cref="UsageException">The arguments cannot be understood.</exception>
    public static ChatArguments? Parse(IReadOnlyList<string> arguments)
    {
        CommandLine line = CommandLine.Parse(
            arguments,
            [.. ModelArguments.Valued, "--passage", "--system", "--context", "--history"],
            [.. ModelArguments.Flags, "--no-passage", "--help", "-h"]);
        if (line.Has("--help") || line.Has("-h"))
        {
            return null;
        }

        if (line.Positional is [{ } first, ..])
        {
            throw new UsageException($"'{first}' is no option: questions are typed once the chat has begun; --help lists the options.");
        }

        if (line.Has("--no-passage") && line.Value("--passage") is not null)
        {
            throw new UsageException("--passage and --no-passage exclude each other.");
        }

        return new ChatArguments
        {
            Model = ModelArguments.Read(line),
            PassageFile = line.Value("--passage"),
            NoPassage = line.Has("--no-passage"),
            System = line.Value("--system"),
            ContextTokens = line.Integer("--context", minimum: 16),
            History = line.Value("--history") is { } history ? ToPolicy(history) : ChatHistoryPolicy.Refuse,
        };
    }

    /// <summary>Gets the name by which a policy is chosen.</summary>
    public static string NameOf(ChatHistoryPolicy policy) => policy switch
    {
        ChatHistoryPolicy.DropOldestTurns => "drop-oldest",
        ChatHistoryPolicy.KeepSystem => "keep-system",
        _ => "refuse",
    };

    private static ChatHistoryPolicy ToPolicy(string name) =>
        Enum.GetValues<ChatHistoryPolicy>().Where(policy => NameOf(policy).Equals(name, StringComparison.OrdinalIgnoreCase)) is { } found && found.Any()
            ? found.First()
            : throw new UsageException($"--history takes refuse, drop-oldest or keep-system, not '{name}'.");
}
