using System.Text.Json;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Samples;

/// <summary>A conversation about a passage, and the answers that are right.</summary>
internal sealed record EvaluationCase(string Set, IReadOnlyList<ChatMessage> Messages, IReadOnlyList<string> Answers)
{
    private static readonly string[] s_declines = ["The passage does not say", "文中没有提到"];

    public bool IsUnanswerable => IsDecline(Answers[0]);

    /// <summary>Reads generated cases, one a line.</summary>
    public static IEnumerable<EvaluationCase> ReadGenerated(string file)
    {
        foreach (string line in File.ReadLines(file))
        {
            using JsonDocument json = JsonDocument.Parse(line);
            JsonElement root = json.RootElement;
            yield return new EvaluationCase(
                $"{Text(root, "set")} {Text(root, "language")}",
                [.. root.GetProperty("messages").EnumerateArray().Select(message => new ChatMessage(new ChatRole(Text(message, "role")), Text(message, "text")))],
                [Text(root, "answer")]);
        }
    }

    /// <summary>Reads passages written by hand, each with questions and the answers that are accepted.</summary>
    public static IEnumerable<EvaluationCase> ReadHandwritten(string file, string set)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(file));
        foreach (JsonElement passage in json.RootElement.EnumerateArray())
        {
            foreach (JsonElement question in passage.GetProperty("questions").EnumerateArray())
            {
                yield return new EvaluationCase(
                    $"{set} {Text(passage, "language")}",
                    [new ChatMessage(ChatRole.User, $"{Text(passage, "passage")}\n\n{question[0].GetString()}")],
                    [.. question[1].EnumerateArray().Select(answer => answer.GetString()!)]);
            }
        }
    }

    public static bool IsDecline(string answer) => s_declines.Contains(Normalize(answer));

    public bool Accepts(string answer) => Answers.Any(right => Normalize(right) == Normalize(answer));

    private static string Text(JsonElement parent, string name) => parent.GetProperty(name).GetString()!;

    /// <summary>Leaves out white space around an answer, and then one final full stop.</summary>
    private static string Normalize(string answer)
    {
        string trimmed = answer.Trim();
        return trimmed.EndsWith('.') || trimmed.EndsWith('。') ? trimmed[..^1] : trimmed;
    }
}
