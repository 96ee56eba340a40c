using System.Globalization;
using System.Text.Json;
using LocalBloom.AI;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;

const string Help = """
    Asks every evaluation case through IChatClient, and prints exact matches beside transformers' for the same weights.

    DemoModel.Evaluation [FOLDER] [--wrong] [--int8 | --llm-int8]

    FOLDER      another model; without it, the demo model
    --wrong     lists the cases answered wrongly, too
    --int8      keeps matrices as int8
    --llm-int8  keeps matrices as int8 and rounds activations, too: LLM.int8()
    """;

if (args.Contains("--help"))
{
    Console.WriteLine(Help);
    return 0;
}

using CancellationTokenSource cancellation = Terminal.Open();
try
{
    if (args.FirstOrDefault(arg => arg.StartsWith('-') && arg is not ("--wrong" or "--int8" or "--llm-int8")) is { } unknown)
    {
        throw new UsageException($"{unknown} is no option. --help lists them.");
    }

    await EvaluateAsync(OptionsFrom(args), args.Contains("--wrong"), cancellation.Token);
    return 0;
}
catch (Exception e)
{
    return Failure.Tell(e, cancellation.Token);
}

static BloomChatClientOptions OptionsFrom(string[] args)
{
    bool isLlmInt8 = args.Contains("--llm-int8");
    return new()
    {
        Model = args.FirstOrDefault(arg => !arg.StartsWith('-')) ?? "",
        NumberType = BloomNumberType.Float32,
        WeightFormat = isLlmInt8 || args.Contains("--int8") ? BloomWeightFormat.Int8 : BloomWeightFormat.Auto,
        Int8Scheme = isLlmInt8 ? BloomInt8Scheme.LlmInt8 : BloomInt8Scheme.WeightOnly,
    };
}

static async Task EvaluateAsync(BloomChatClientOptions engine, bool listsWrong, CancellationToken cancellationToken)
{
    static string Beside(string name) => Path.Combine(AppContext.BaseDirectory, name);

    EvaluationCase[] cases =
    [
        .. EvaluationCase.ReadGenerated(Beside("evaluation.jsonl")),
        .. EvaluationCase.ReadHandwritten(Beside("handwritten_dev.json"), "handwritten"),
        .. EvaluationCase.ReadHandwritten(Beside("handwritten_test.json"), "handwritten-test"),
    ];
    using JsonDocument reference = JsonDocument.Parse(await File.ReadAllBytesAsync(Beside("evaluation.json"), cancellationToken));

    using var client = new BloomChatClient(engine);
    var options = new ChatOptions { Temperature = 0, MaxOutputTokens = 64 };
    var scores = new Dictionary<string, Score>();
    for (int i = 0; i < cases.Length; i++)
    {
        EvaluationCase asked = cases[i];
        string answer = (await client.GetResponseAsync(asked.Messages, options, cancellationToken)).Text;
        scores[asked.Set] = scores.GetValueOrDefault(asked.Set).With(asked, answer);
        if (listsWrong && !asked.Accepts(answer))
        {
            Console.WriteLine($"{asked.Set}: {asked.Messages[^1].Text.ReplaceLineEndings(" ")} → {answer.Trim()}; right is {string.Join(" or ", asked.Answers)}");
        }

        if ((i + 1) % 100 == 0)
        {
            Console.Error.WriteLine($"{i + 1} of {cases.Length}");
        }
    }

    Print(scores, reference.RootElement.GetProperty("table"));
}

static void Print(Dictionary<string, Score> scores, JsonElement theirs)
{
    Console.WriteLine("| set | cases | exact | transformers | answerable declined | unanswerable recognised |");
    Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: |");
    foreach ((string set, Score score) in scores)
    {
        string other = theirs.TryGetProperty(set, out JsonElement row) ? Percent(row.GetProperty("exact").GetInt32(), row.GetProperty("cases").GetInt32()) : "–";
        Console.WriteLine(
            $"| {set} | {score.Cases} | {Percent(score.Exact, score.Cases)} | {other} | {Of(score.Declined, score.Answerable)} | {Of(score.Recognised, score.Cases - score.Answerable)} |");
    }
}

static string Percent(int part, int whole) => string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.0} %");

static string Of(int part, int whole) => whole == 0 ? "–" : $"{part} / {whole}";
