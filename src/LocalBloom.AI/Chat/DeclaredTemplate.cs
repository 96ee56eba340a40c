using System.Text.Json;
using LocalBloom.AI.Engine;
using LocalBloom.AI.Loading;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Chat;

/// <summary>The template that a checkpoint declares in <c>prompt_template.json</c>: what to write for each role, and before the reply.</summary>
/// <remarks>
/// Each of <c>system</c>, <c>user</c>, <c>assistant</c> and <c>reply</c> is a list of texts, in which <c>{text}</c> stands for the message, and of
/// special tokens such as <c>{ "special": "&lt;/s&gt;" }</c>. <c>stop</c> lists texts at which a reply ends.
/// </remarks>
internal sealed class DeclaredTemplate : PromptTemplate
{
    private const string FileName = "prompt_template.json";
    private const int MaxFileBytes = 1 << 16;
    private const string TextPlace = "{text}";

    private readonly Dictionary<ChatRole, PromptPart[]> _turns;
    private readonly PromptPart[] _reply;

    private DeclaredTemplate(string path, JsonElement root)
    {
        _turns = new()
        {
            [ChatRole.System] = ReadParts(path, root, "system"),
            [ChatRole.User] = ReadParts(path, root, "user"),
            [ChatRole.Assistant] = ReadParts(path, root, "assistant"),
        };
        _reply = ReadParts(path, root, "reply");
        StopSequences = root.TryGetProperty("stop", out _) ? ReadStops(path, root, "stop") : [];
    }

    public override IReadOnlyList<string> StopSequences { get; }

    public override bool TrimsReplyStart => true;

    /// <summary>Reads a checkpoint's template.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <returns><see langword="null"/> where it declares none.</returns>
    /// <exception cref="CheckpointException">The file is not of the form above.</exception>
    public static DeclaredTemplate? TryRead(string folder)
    {
        string path = Path.Combine(folder, FileName);
        return File.Exists(path) ? JsonFile.Read(path, MaxFileBytes, root => new DeclaredTemplate(path, root)) : null;
    }

    public override IReadOnlyList<PromptPart> Render(IReadOnlyList<ChatMessage> messages) =>
    [
        .. messages.Where(message => message.Text.Length > 0).SelectMany(message => Turn(message).Select(part =>
            part.IsSpecialToken ? part : part with { Value = part.Value.Replace(TextPlace, message.Text, StringComparison.Ordinal) })),
        .. _reply,
    ];

    public override string ToString() => FileName;

    private PromptPart[] Turn(ChatMessage message) => _turns.TryGetValue(message.Role, out PromptPart[]? turn)
        ? turn
        : throw new ArgumentException($"The template has nothing for the role '{message.Role}'. Use system, user and assistant messages.");

    private static PromptPart[] ReadParts(string path, JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement list) && list.ValueKind is JsonValueKind.Array
            ? [.. list.EnumerateArray().Select(part => ReadPart(path, name, part))]
            : throw new CheckpointException(path, $"'{name}' is missing or no list; expected texts and special tokens such as {{ \"special\": \"</s>\" }}.");

    private static string[] ReadStops(string path, JsonElement root, string name)
    {
        string[] stops = [.. ReadParts(path, root, name).Select(part => part.Value)];
        return stops.Length <= RequestBounds.MaxStopSequences && stops.All(stop => stop.Length is >= 1 and <= RequestBounds.MaxStopSequenceLength)
            ? stops
            : throw new CheckpointException(
                path,
                $"'{name}' has {stops.Length} texts of {stops.Min(stop => stop.Length)} to {stops.Max(stop => stop.Length)} characters; " +
                $"expected at most {RequestBounds.MaxStopSequences} texts of 1 to {RequestBounds.MaxStopSequenceLength} characters.");
    }

    private static PromptPart ReadPart(string path, string name, JsonElement part) => part.ValueKind switch
    {
        JsonValueKind.String => new PromptPart(part.GetString()!),
        JsonValueKind.Object when part.TryGetProperty("special", out JsonElement token) && token.ValueKind is JsonValueKind.String =>
            new PromptPart(token.GetString()!, IsSpecialToken: true),
        _ => throw new CheckpointException(path, $"'{name}' holds {part}; expected a text, or a special token such as {{ \"special\": \"</s>\" }}."),
    };
}
