namespace LocalBloom.AI.Samples;

/// <summary>The part of a command line that names a model and says how to run it.</summary>
internal sealed record ModelArguments
{
    public const string Help = """
          --model FOLDER|ID     checkpoint folder, or a hub id in the local cache; else the variable LOCALBLOOM_MODEL, or a small model
          --strategy NAME       Auto (default), SingleDevice, LayerSplit, TensorParallel, Int8 or Offload
          --device NAME         cuda:0, cpu, cpu#1, …; repeat it for several, in layer order
          --layer-map MAP       layers for each device, such as cuda:0=18,cuda:1=12
          --number-type NAME    Auto (default), Float32, Float16 or BFloat16
          --memory-limit SIZE   the most of each device's memory that is taken, such as 8GB or 7.5GiB
          --max-tokens N        most tokens of an answer, 128 by default
          --template NAME       Bloomz, Dialogue or Completion; by default what the model declares, or Bloomz
          --verbose             log what the engine does, on standard error
        """;

    public static IReadOnlyList<string> Valued { get; } =
        ["--model", "--strategy", "--device", "--layer-map", "--number-type", "--memory-limit", "--max-tokens", "--template"];

    public static IReadOnlyList<string> Flags { get; } = ["--verbose"];

    /// <summary>Gets the model's folder or hub id; empty for the demonstration model.</summary>
    public string Model { get; private init; } = "";

    public BloomStrategy Strategy { get; private init; }

    public IReadOnlyList<string> Devices { get; private init; } = [];

    public string? LayerMap { get; private init; }

    public BloomNumberType NumberType { get; private init; }

    public string? MemoryLimit { get; private init; }

    public int MaxTokens { get; private init; } = 128;

    public PromptTemplate? Template { get; private init; }

    public bool Verbose { get; private init; }

    /// <exception cref="UsageException">A value cannot be understood.</exception>
    public static ModelArguments Read(CommandLine line) => new()
    {
        Model = line.Value("--model") ?? Environment.GetEnvironmentVariable("LOCALBLOOM_MODEL") ?? "",
        Strategy = line.Choice<BloomStrategy>("--strategy") ?? BloomStrategy.Auto,
        Devices = line.All("--device"),
        LayerMap = line.Value("--layer-map"),
        NumberType = line.Choice<BloomNumberType>("--number-type") ?? BloomNumberType.Auto,
        MemoryLimit = line.Value("--memory-limit"),
        MaxTokens = line.Integer("--max-tokens", minimum: 1) ?? 128,
        Template = line.Value("--template") is { } template ? ToTemplate(template) : null,
        Verbose = line.Has("--verbose"),
    };

    public void ApplyTo(BloomChatClientOptions options)
    {
        options.Model = Model;
        options.Strategy = Strategy;
        options.Devices = [.. Devices];
        options.LayerMap = LayerMap;
        options.NumberType = NumberType;
        options.MemoryLimit = MemoryLimit;
        options.PromptTemplate = Template;
    }

    private static PromptTemplate ToTemplate(string name) => name.ToUpperInvariant() switch
    {
        "BLOOMZ" => PromptTemplate.Bloomz,
        "DIALOGUE" => PromptTemplate.Dialogue,
        "COMPLETION" => PromptTemplate.Completion,
        _ => throw new UsageException($"--template takes Bloomz, Dialogue or Completion, not '{name}'."),
    };
}
