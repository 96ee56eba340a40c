namespace LocalBloom.AI.Samples;

/// <summary>What the person asked for.</summary>
internal sealed record Arguments
{
    public const string Help = $"""
        Asks a BLOOM model a question about a passage, and streams the answer.

        Usage: QuestionAnswering [options] [QUESTION] [PASSAGE-FILE]
        Without a passage it brings one of its own, in Chinese, on tuberculosis; without a question it asks one about that.

          --question TEXT       the question, in place of the first argument
          --passage FILE        a text file to consult, in place of the second argument
        {ModelArguments.Help}
          --quiet               nothing but the answer
          --help                this text

        Ctrl+C cancels. Exit codes: 0 answered, 1 failed, 2 wrong arguments, 130 cancelled.
        """;

    public required ModelArguments Model { get; init; }

    public string? Question { get; private init; }

    public string? PassageFile { get; private init; }

    public bool Quiet { get; private init; }

    /// <returns><see langword="null"/> where help was asked for.</returns>
    /// <exception cref="UsageException">The arguments cannot be understood.</exception>
    public static Arguments? Parse(IReadOnlyList<string> arguments)
    {
        CommandLine line = CommandLine.Parse(
            arguments, [.. ModelArguments.Valued, "--question", "--passage"], [.. ModelArguments.Flags, "--quiet", "--help", "-h"]);
        if (line.Has("--help") || line.Has("-h"))
        {
            return null;
        }

        string? question = line.Value("--question");
        string? passage = line.Value("--passage");
        var rest = new Queue<string>(line.Positional);
        question ??= rest.TryDequeue(out string? first) ? first : null;
        passage ??= rest.TryDequeue(out string? second) ? second : null;
        if (rest.Count > 0)
        {
            throw new UsageException($"'{rest.Peek()}' is one argument too many; put the question in quotes.");
        }

        if (passage is not null && string.IsNullOrWhiteSpace(question))
        {
            throw new UsageException("A passage needs a question: give one with --question.");
        }

        if (question is not null && string.IsNullOrWhiteSpace(question))
        {
            throw new UsageException("The question is empty.");
        }

        return new Arguments
        {
            Model = ModelArguments.Read(line),
            Question = question,
            PassageFile = passage,
            Quiet = line.Has("--quiet"),
        };
    }
}
