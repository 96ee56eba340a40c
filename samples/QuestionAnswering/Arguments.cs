namespace LocalBloom.AI.Samples;

/// <summary>What the person asked for.</summary>
internal sealed record Arguments
{
    public const string Help = """
        Asks a BLOOM model a question about a passage, and streams the answer.

        Usage: QuestionAnswering [options] [QUESTION] [PASSAGE-FILE]
        Without a passage it brings one of its own, in Chinese, on tuberculosis; without a question it asks one about that.

          --model FOLDER|ID     checkpoint folder, or a hub id in the local cache; else the variable LOCALBLOOM_MODEL, or a small model
          --question TEXT       the question, in place of the first argument
          --passage FILE        a text file to consult, in place of the second argument
          --strategy NAME       Auto (default), SingleDevice or LayerSplit
          --device NAME         cuda:0, cpu, cpu#1, …; repeat it for several, in layer order
          --layer-map MAP       layers for each device, such as cuda:0=18,cuda:1=12
          --number-type NAME    Auto (default), Float32, Float16 or BFloat16
          --max-tokens N        most tokens of the answer, 128 by default
          --template NAME       Bloomz, Dialogue or Completion; by default what the model declares, or Bloomz
          --quiet               nothing but the answer
          --verbose             log what the engine does, on standard error
          --help                this text

        Ctrl+C cancels. Exit codes: 0 answered, 1 failed, 2 wrong arguments, 130 cancelled.
        """;

    private static readonly string[] s_valued =
    [
        "--model", "--question", "--passage", "--strategy", "--device", "--layer-map", "--number-type", "--max-tokens", "--template",
    ];

    private static readonly string[] s_flags = ["--quiet", "--verbose", "--help", "-h"];

    public string Model { get; private init; } = "";

    public string? Question { get; private init; }

    public string? PassageFile { get; private init; }

    public BloomStrategy Strategy { get; private init; }

    public IReadOnlyList<string> Devices { get; private init; } = [];

    public string? LayerMap { get; private init; }

    public BloomNumberType NumberType { get; private init; }

    public int MaxTokens { get; private init; } = 128;

    public PromptTemplate? Template { get; private init; }

    public bool Quiet { get; private init; }

    public bool Verbose { get; private init; }

    /// <returns><see langword="null"/> where help was asked for.</returns>
    /// <exception cref="UsageException">The arguments cannot be understood.</exception>
    public static Arguments? Parse(IReadOnlyList<string> arguments)
    {
        CommandLine line = CommandLine.Parse(arguments, s_valued, s_flags);
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

        string? model = line.Value("--model") ?? Environment.GetEnvironmentVariable("LOCALBLOOM_MODEL");
        return new Arguments
        {
            Model = model ?? "", // none: the demonstration model
            Question = question,
            PassageFile = passage,
            Strategy = line.Choice<BloomStrategy>("--strategy") ?? BloomStrategy.Auto,
            Devices = line.All("--device"),
            LayerMap = line.Value("--layer-map"),
            NumberType = line.Choice<BloomNumberType>("--number-type") ?? BloomNumberType.Auto,
            MaxTokens = line.Integer("--max-tokens", minimum: 1) ?? 128,
            Template = line.Value("--template") is { } template ? ToTemplate(template) : null,
            Quiet = line.Has("--quiet"),
            Verbose = line.Has("--verbose"),
        };
    }

    private static PromptTemplate ToTemplate(string name) => name.ToUpperInvariant() switch
    {
        "BLOOMZ" => PromptTemplate.Bloomz,
        "DIALOGUE" => PromptTemplate.Dialogue,
        "COMPLETION" => PromptTemplate.Completion,
        _ => throw new UsageException($"--template takes Bloomz, Dialogue or Completion, not '{name}'."),
    };
}
