using System.Text.Json;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Samples;

/// <summary>A conversation about a passage, and the answer that is right.</summary>
internal sealed record EvaluationCase(string Key, IReadOnlyList<ChatMessage> Messages, string Answer)
{
    private static readonly string[] s_declines = ["The passage does not say", "文中没有提到"];

    public bool IsUnanswerable => IsDecline(Answer);

    public static EvaluationCase Parse(string line)
    {
        using JsonDocument json = JsonDocument.Parse(line);
        JsonElement root = json.RootElement;
        return new EvaluationCase(
            $"{root.GetProperty("set").GetString()} {root.GetProperty("language").GetString()}",
            [.. root.GetProperty("messages").EnumerateArray().Select(message =>
                new ChatMessage(new ChatRole(message.GetProperty("role").GetString()!), message.GetProperty("text").GetString()))],
            root.GetProperty("answer").GetString()!);
    }

    public static bool IsDecline(string answer) => s_declines.Contains(Normalize(answer));

    /// <summary>Leaves out white space around an answer, and then one final full stop.</summary>
    public static string Normalize(string answer)
    {
        string trimmed = answer.Trim();
        return trimmed.EndsWith('.') || trimmed.EndsWith('。') ? trimmed[..^1] : trimmed;
    }
}

/// <summary>What became of a set's cases.</summary>
internal readonly record struct Score(int Cases, int Exact, int Answerable, int Declined, int Recognised)
{
    public Score With(EvaluationCase asked, string answer)
    {
        bool declined = EvaluationCase.IsDecline(answer);
        return new Score(
            Cases + 1,
            Exact + (EvaluationCase.Normalize(answer) == EvaluationCase.Normalize(asked.Answer) ? 1 : 0),
            Answerable + (asked.IsUnanswerable ? 0 : 1),
            Declined + (declined && !asked.IsUnanswerable ? 1 : 0),
            Recognised + (declined && asked.IsUnanswerable ? 1 : 0));
    }
}
