using LocalBloom.AI.Placement;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.Options;

namespace LocalBloom.AI.Latency;

/// <summary>What is to be measured, and how.</summary>
internal sealed record LatencyArguments
{
    public const string Help = """
        Measures the latency of one prompt of about 170 tokens: end to end through IChatClient, and of the engine alone.

        Usage: LocalBloom.AI.Latency (--model FOLDER|ID | --shape NAME) [options]

          --model FOLDER|ID     a checkpoint: the prompt is text and goes through its tokenizer
          --shape NAME          random weights of this shape (560m, 7b1, …, or layers,hidden,heads,vocabulary), and 170 recorded token ids;
                                there is no tokenizer, so only the engine is measured
          --strategy LIST       SingleDevice (default), LayerSplit, TensorParallel, Int8, Offload, …, separated by commas: one group of rows each;
                                LayerSplit+Int8 keeps matrices in eight bits;
                                TensorParallel on parts of one device also measures one rank alone, as a projection for as many devices
          --devices LISTS       devices of each strategy, the lists separated by semicolons: "cuda:0;cuda:0#0,cuda:0#1";
                                a single list serves every strategy
          --number-type NAME    Auto (default), Float32, Float16 or BFloat16
          --memory-limit SIZE   the most of each device's memory that is taken, such as 8GB or 7.5GiB
          --new-tokens LIST     lengths of the answers, 1,64 by default
          --warmup N            runs before the clock counts, 2 by default (1 with many callers)
          --runs N              measured runs, 10 by default (5 with many callers)
          --prompt-tokens LIST  also measures prompts of so many tokens and 1 new one, for example 16,64,256,1024,2000, with the engine alone
          --callers LIST        also measures so many callers at once, for example 1,2,4,8,16,32: each with a prompt of its own and 64 new tokens
          --cache-tokens N      with --callers: tokens of all callers together that the cache has room for, the engine's choice by default
          --kernels             in place of all that: times products alone, with weights of 8 and of 16 bits, for each matrix of the shape, beside
                                cuBLAS and copies on the device; needs a GPU
          --json FILE           writes everything, each sample included
          --help                this text
        """;

    private static readonly string[] s_valued =
        ["--model", "--shape", "--strategy", "--devices", "--number-type", "--memory-limit", "--new-tokens", "--prompt-tokens", "--warmup", "--runs", "--callers", "--cache-tokens", "--json"];

    private const int MostConcurrentReplies = 256; // as the engine's option

    private static readonly string[] s_flags = ["--kernels", "--help", "-h"];

    public string? Model { get; private init; }

    public string? Shape { get; private init; }

    public IReadOnlyList<Target> Targets { get; private init; } = [];

    public BloomNumberType NumberType { get; private init; }

    public string? MemoryLimit { get; private init; }

    public IReadOnlyList<int> NewTokens { get; private init; } = [];

    /// <summary>Gets the lengths of further prompts, ascending; empty where none are asked for.</summary>
    public IReadOnlyList<int> PromptTokens { get; private init; } = [];

    public required Repetition Repetition { get; init; }

    /// <summary>Gets how many callers at once are measured, ascending; empty where none are asked for.</summary>
    public IReadOnlyList<int> Callers { get; private init; } = [];

    public int MostCallers => Callers.Count > 0 ? Callers[^1] : 0;

    /// <summary>Gets how often many callers are measured: less often, for it takes longer and is a mean over callers already.</summary>
    public required Repetition CallerRepetition { get; init; }

    public int? CacheTokens { get; private init; }

    public string? JsonFile { get; private init; }

    /// <summary>Gets a value indicating whether products alone are timed.</summary>
    public bool Kernels { get; private init; }

    /// <returns><see langword="null"/> where help was asked for.</returns>
    /// <exception cref="UsageException">The arguments cannot be understood.</exception>
    /// <exception cref="OptionsValidationException">A target's options contradict each other.</exception>
    public static LatencyArguments? Parse(IReadOnlyList<string> arguments)
    {
        CommandLine line = CommandLine.Parse(arguments, s_valued, s_flags);
        if (line.Has("--help") || line.Has("-h"))
        {
            return null;
        }

        if (line.Positional is [string stray, ..])
        {
            throw new UsageException($"'{stray}' is not expected; --help lists the options.");
        }

        string? model = line.Value("--model");
        string? shape = line.Value("--shape");
        if ((model is null) == (shape is null))
        {
            throw new UsageException("Say what to measure: either --model FOLDER (or a hub id) or --shape NAME.");
        }

        if (line.Has("--kernels"))
        {
            CheckKernels(line, shape);
        }

        int[] callers = line.Value("--callers") is { } list ? ToIntegers("--callers", list) : [];
        if (callers.Any(count => count > MostConcurrentReplies))
        {
            throw new UsageException($"--callers takes numbers from 1 to {MostConcurrentReplies}, not '{callers[^1]}': an engine serves no more at once.");
        }

        int? cacheTokens = line.Integer("--cache-tokens", minimum: 1);
        if (cacheTokens is not null && callers.Length == 0)
        {
            throw new UsageException("--cache-tokens is for many callers: give --callers, too.");
        }

        string? limit = line.Value("--memory-limit");
        if (limit is not null && !ByteSize.TryParse(limit, out _))
        {
            throw new UsageException($"--memory-limit takes {ByteSize.AcceptedForms}; '{limit}' is none.");
        }

        int? warmup = line.Integer("--warmup", minimum: 0);
        int? runs = line.Integer("--runs", minimum: 1);
        var parsed = new LatencyArguments
        {
            Model = model,
            Shape = shape,
            Targets = ToTargets(line.Value("--strategy") ?? nameof(BloomStrategy.SingleDevice), line.Value("--devices") ?? ""),
            NumberType = line.Choice<BloomNumberType>("--number-type") ?? BloomNumberType.Auto,
            MemoryLimit = limit,
            NewTokens = ToIntegers("--new-tokens", line.Value("--new-tokens") ?? "1,64"),
            PromptTokens = line.Value("--prompt-tokens") is { } lengths ? ToIntegers("--prompt-tokens", lengths) : [],
            Repetition = new(warmup ?? 2, runs ?? 10),
            Callers = callers,
            CallerRepetition = new(warmup ?? 1, runs ?? 5),
            CacheTokens = cacheTokens,
            JsonFile = line.Value("--json"),
            Kernels = line.Has("--kernels"),
        };
        foreach (Target target in parsed.Targets) // the last is not to be refused when the others have been measured
        {
            BloomChatClientOptionsValidator.ThrowIfInvalid(parsed.OptionsFor(target));
        }

        return parsed;
    }

    /// <summary>Gives the options of a target's engine.</summary>
    public BloomChatClientOptions OptionsFor(Target target)
    {
        var options = new BloomChatClientOptions
        {
            Model = Model ?? Shape!,
            Strategy = target.Strategy,
            Devices = [.. target.Devices],
            NumberType = NumberType,
            WeightFormat = target.WeightFormat,
            MemoryLimit = MemoryLimit,
        };
        if (Callers.Count > 0)
        {
            options.MaxConcurrentReplies = Math.Max(options.MaxConcurrentReplies, MostCallers);
            options.CacheTokens = CacheTokens;
        }

        return options;
    }

    private static void CheckKernels(CommandLine line, string? shape)
    {
        if (shape is null)
        {
            throw new UsageException("--kernels needs a --shape.");
        }

        string[] surplus = [.. s_valued.Where(name => name != "--shape" && line.Value(name) is not null)];
        if (surplus.Length > 0)
        {
            throw new UsageException($"--kernels times products alone, for which {string.Join(", ", surplus)} would not count: remove {(surplus.Length == 1 ? "it" : "them")}.");
        }
    }

    private static int[] ToIntegers(string name, string list)
    {
        int[] numbers = [.. Split(list, ',').Select(number => CommandLine.ToInteger(name, number, minimum: 1)).Distinct().Order()];
        return numbers.Length > 0 ? numbers : throw new UsageException($"{name} needs at least one number.");
    }

    private static Target[] ToTargets(string strategies, string devices)
    {
        Target[] each = [.. Split(strategies, ',').Select(ToTarget)];
        if (each.Length == 0)
        {
            throw new UsageException("--strategy needs at least one name.");
        }

        if (Split(devices.Replace(';', ','), ',').FirstOrDefault(name => !BloomDevice.TryParse(name, out _)) is { } unknown)
        {
            throw new UsageException($"--devices has '{unknown}', which is no device. Use {BloomDevice.AcceptedNames}.");
        }

        string[][] lists = devices.Length == 0 ? [[]] : [.. devices.Split(';').Select(list => Split(list, ','))];
        return lists.Length == 1 || lists.Length == each.Length
            ? [.. each.Select((target, i) => target with { Devices = lists[lists.Length == 1 ? 0 : i] }).SelectMany(WithProjection)]
            : throw new UsageException($"--devices has {lists.Length} lists for {each.Length} strategies: give one list, or one for each strategy.");
    }

    private static IEnumerable<Target> WithProjection(Target target) => target.OneRank is { } rank ? [target, rank] : [target];

    private static Target ToTarget(string name) => name.Split('+') switch
    {
        [string strategy] => new Target(CommandLine.ToChoice<BloomStrategy>("--strategy", strategy), []),
        [string strategy, string format] =>
            new Target(CommandLine.ToChoice<BloomStrategy>("--strategy", strategy), [], CommandLine.ToChoice<BloomWeightFormat>("--strategy", format)),
        _ => throw new UsageException($"--strategy takes a name, or a name and a weight format such as LayerSplit+Int8, not '{name}'."),
    };

    private static string[] Split(string list, char separator) =>
        list.Split(separator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
