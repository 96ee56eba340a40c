using System.Globalization;
using System.Text.RegularExpressions;

namespace LocalBloom.AI.Samples;

/// <summary>What is to be planned.</summary>
internal sealed partial record PlanArguments
{
    public const string Help = """
        Shows which device would hold what of a model, and how much memory that takes. Nothing is loaded.

        Usage: Plan (--model FOLDER|ID | --shape NAME) [options]

          --model FOLDER|ID     a checkpoint folder, or a hub id in the local cache; a folder with config.json alone will do
          --shape NAME          560m, 1b1, 1b7, 3b, 7b1, 176b, or layers,hidden,heads,vocabulary: no file is needed
          --gpus COUNTxGB       GPUs that need not exist, such as 8x80GB; by default this machine's own devices
          --strategy NAME       Auto (default), SingleDevice, LayerSplit, TensorParallel, Int8, Offload
          --weight-format NAME  Auto (default) or Int8
          --number-type NAME    Auto (default), Float32, Float16 or BFloat16
          --memory-limit SIZE   the most of each device's memory that is taken, such as 8GB or 7.5GiB
          --device NAME         cuda:0, cpu, …; repeat it for several, in layer order
          --layer-map MAP       layers for each device, such as cuda:0=18,cuda:1=12
          --context N           most tokens of prompt and reply, the model's own by default
          --help                this text

        Exit codes: 0 it fits, 1 it does not (the message says what would), 2 wrong arguments.
        """;

    private const double BytesPerGigabyte = 1e9;

    private static readonly string[] s_valued =
        ["--model", "--shape", "--gpus", "--strategy", "--weight-format", "--number-type", "--memory-limit", "--device", "--layer-map", "--context"];

    private static readonly string[] s_flags = ["--help", "-h"];

    public string? Shape { get; private init; }

    public required BloomChatClientOptions Options { get; init; }

    /// <summary>Gets assumed devices' free bytes by name; <see langword="null"/> for this machine's own.</summary>
    public IReadOnlyDictionary<string, long>? FreeBytes { get; private init; }

    /// <returns><see langword="null"/> where help was asked for.</returns>
    /// <exception cref="UsageException">The arguments cannot be understood.</exception>
    public static PlanArguments? Parse(IReadOnlyList<string> arguments)
    {
        CommandLine line = CommandLine.Parse(arguments, s_valued, s_flags);
        if (line.Has("--help") || line.Has("-h"))
        {
            return null;
        }

        if (line.Positional is [string surplus, ..])
        {
            throw new UsageException($"'{surplus}' is one argument too many; --help lists the options.");
        }

        string? shape = line.Value("--shape");
        string model = line.Value("--model") ?? (shape is null ? Environment.GetEnvironmentVariable("LOCALBLOOM_MODEL") ?? "" : "");
        if (shape is not null && model.Length > 0)
        {
            throw new UsageException("Give a --model or a --shape, not both.");
        }

        var options = new BloomChatClientOptions
        {
            Model = model,
            Strategy = line.Choice<BloomStrategy>("--strategy") ?? BloomStrategy.Auto,
            WeightFormat = line.Choice<BloomWeightFormat>("--weight-format") ?? BloomWeightFormat.Auto,
            NumberType = line.Choice<BloomNumberType>("--number-type") ?? BloomNumberType.Auto,
            MemoryLimit = line.Value("--memory-limit"),
            Devices = [.. line.All("--device")],
            LayerMap = line.Value("--layer-map"),
            MaxContextTokens = line.Integer("--context", minimum: 16),
        };
        return new PlanArguments { Shape = shape, Options = options, FreeBytes = line.Value("--gpus") is { } gpus ? ToFreeBytes(gpus) : null };
    }

    private static Dictionary<string, long> ToFreeBytes(string gpus)
    {
        Match match = Gpus().Match(gpus);
        if (!match.Success || double.Parse(match.Groups["size"].ValueSpan, CultureInfo.InvariantCulture) == 0)
        {
            throw new UsageException($"--gpus takes a number of GPUs and the gigabytes of each, such as 8x80GB, not '{gpus}'.");
        }

        int count = int.Parse(match.Groups["count"].ValueSpan, CultureInfo.InvariantCulture);
        long bytes = (long)(double.Parse(match.Groups["size"].ValueSpan, CultureInfo.InvariantCulture) * BytesPerGigabyte);
        return Enumerable.Range(0, count).ToDictionary(i => string.Create(CultureInfo.InvariantCulture, $"cuda:{i}"), _ => bytes);
    }

    [GeneratedRegex(@"^(?<count>[1-9][0-9]{0,2})\s*[x×]\s*(?<size>[0-9]{1,6}(\.[0-9]{1,3})?)\s*GB$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Gpus();
}
