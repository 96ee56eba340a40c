namespace LocalBloom.AI.Samples;

/// <summary>What the person asked for.</summary>
internal sealed record DocumentArguments
{
    public const string Help = $"""
        Answers questions from a folder of text files (.txt and .md, in the folders below too), and says from which lines.

        Usage: DocumentQa [options] [FOLDER] [QUESTION]
        Without a folder it brings some documents of its own; without a question it asks for one, again and again.

          --passages N          most passages that the model is asked about, the nearest first, until one answers; 8 by default
          --passage-tokens N    longest passage that a text is cut into; 200 by default
          --evaluate FILE       asks the questions of a file, and counts what is found and answered. A line of it:
                                question, file, and some words of the passage that answers, with tabs between
        {ModelArguments.Help}
          --quiet               nothing but answer and source
          --help                this text

        Ctrl+C cancels a reply, and at the prompt leaves, as do quit, exit, /quit and Ctrl+D; /help says so there.
        Exit codes: 0 answered or left, 1 failed (with piped input: or a question failed), 2 wrong arguments, 130 cancelled.
        """;

    /// <summary>The documents that come with the program.</summary>
    public static string BuiltInFolder { get; } = Path.Combine(AppContext.BaseDirectory, "documents");

    public required ModelArguments Model { get; init; }

    public string Folder { get; private init; } = BuiltInFolder;

    public string? Question { get; private init; }

    public string? EvaluationFile { get; private init; }

    public int Passages { get; private init; } = 8;

    /// <summary>Gets the longest passage that was asked for, in tokens.</summary>
    public int? PassageTokens { get; private init; }

    public bool Quiet { get; private init; }

    public bool IsFolderBuiltIn => Folder == BuiltInFolder;

    /// <returns><see langword="null"/> where help was asked for.</returns>
    /// <exception cref="UsageException">The arguments cannot be understood.</exception>
    public static DocumentArguments? Parse(IReadOnlyList<string> arguments)
    {
        CommandLine line = CommandLine.Parse(
            arguments,
            [.. ModelArguments.Valued, "--passages", "--passage-tokens", "--evaluate"],
            [.. ModelArguments.Flags, "--quiet", "--help", "-h"]);
        if (line.Has("--help") || line.Has("-h"))
        {
            return null;
        }

        if (line.Positional is [_, _, { } third, ..])
        {
            throw new UsageException($"'{third}' is one argument too many; put the question in quotes.");
        }

        if (line.Positional is [{ } folder, ..] && string.IsNullOrWhiteSpace(folder))
        {
            throw new UsageException("The folder's name is empty: leave it out for the documents that come along.");
        }

        string? question = line.Positional.ElementAtOrDefault(1);
        if (question is not null && string.IsNullOrWhiteSpace(question))
        {
            throw new UsageException("The question is empty.");
        }

        if (question is not null && line.Value("--evaluate") is not null)
        {
            throw new UsageException("--evaluate asks the questions of its file: leave the other question out.");
        }

        return new DocumentArguments
        {
            Model = ModelArguments.Read(line),
            Folder = line.Positional.ElementAtOrDefault(0) ?? BuiltInFolder,
            Question = question,
            EvaluationFile = line.Value("--evaluate"),
            Passages = line.Integer("--passages", minimum: 1) ?? 8,
            PassageTokens = line.Integer("--passage-tokens", minimum: 16),
            Quiet = line.Has("--quiet"),
        };
    }

    /// <summary>Gets the longest passage that leaves room for question and reply.</summary>
    /// <param name="contextTokens">The most tokens of prompt and reply together.</param>
    /// <exception cref="UsageException">There is no room.</exception>
    public int PassageTokensWithin(int contextTokens)
    {
        const int Usual = 200;
        const int QuestionAndTemplate = 64;
        int room = contextTokens - Model.MaxTokens - QuestionAndTemplate;
        return
            room < 16 ? throw new UsageException($"The context of {contextTokens} tokens leaves no room for a passage: give a smaller --max-tokens than {Model.MaxTokens}.") :
            PassageTokens > room ? throw new UsageException($"--passage-tokens takes at most {room} with this model: its context has {contextTokens} tokens, of which {Model.MaxTokens} are the reply's.") :
            PassageTokens ?? Math.Min(Usual, room);
    }
}
