using System.Globalization;
using System.Text.Json;
using LocalBloom.AI;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;

// Asks every evaluation case through IChatClient, and prints exact matches beside transformers' for the same weights.
string folder = AppContext.BaseDirectory;
string? model = args.FirstOrDefault();
EvaluationCase[] cases = [.. File.ReadLines(Path.Combine(folder, "evaluation.jsonl")).Select(EvaluationCase.Parse)];
using JsonDocument reference = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "evaluation.json")));
JsonElement theirs = reference.RootElement.GetProperty("table");

using var client = new BloomChatClient(new BloomChatClientOptions { Model = model ?? "", NumberType = BloomNumberType.Float32 });
var options = new ChatOptions { Temperature = 0, MaxOutputTokens = 64 };
var scores = new Dictionary<string, Score>();
for (int i = 0; i < cases.Length; i++)
{
    string answer = (await client.GetResponseAsync(cases[i].Messages, options)).Text;
    scores[cases[i].Key] = scores.GetValueOrDefault(cases[i].Key).With(cases[i], answer);
    if ((i + 1) % 100 == 0)
    {
        Console.Error.WriteLine($"{i + 1} of {cases.Length}");
    }
}

Console.WriteLine("| set | cases | exact | transformers | answerable declined | unanswerable recognised |");
Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: |");
foreach ((string key, Score score) in scores)
{
    string other = theirs.TryGetProperty(key, out JsonElement row) ? Percent(row.GetProperty("exact").GetInt32(), row.GetProperty("cases").GetInt32()) : "–";
    Console.WriteLine(
        $"| {key} | {score.Cases} | {Percent(score.Exact, score.Cases)} | {other} | {score.Declined} / {score.Answerable} | {score.Recognised} / {score.Cases - score.Answerable} |");
}

static string Percent(int part, int whole) => string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.0} %");
