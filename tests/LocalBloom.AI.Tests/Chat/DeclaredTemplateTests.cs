using LocalBloom.AI.Chat;
using LocalBloom.AI.Tests.Loading;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Chat;

public class DeclaredTemplateTests
{
    [Fact]
    public void Render_WritesWhatTheFileSays()
    {
        PromptTemplate template = Read("""
            { "system": ["{text}\n"], "user": ["U: {text}\n"], "assistant": ["A: {text}", { "special": "</s>" }, "\n"], "reply": ["A:"], "stop": ["\nU:"] }
            """)!;

        IReadOnlyList<PromptPart> parts = template.Render(
            [new(ChatRole.System, "Be brief."), new(ChatRole.User, "</s>{text}?"), new(ChatRole.Assistant, "yes"), new(ChatRole.User, "sure?")]);

        Assert.Equal(
            [
                new("Be brief.\n"), new("U: </s>{text}?\n"), new("A: yes"), new("</s>", IsSpecialToken: true), new("\n"), new("U: sure?\n"), new("A:"),
            ],
            parts);
        Assert.Equal(["\nU:"], template.StopSequences);
    }

    [Theory]
    [InlineData("[]", "expected an object")]
    [InlineData("{", "not valid JSON")]
    [InlineData("""{ "system": [], "user": "x", "assistant": [], "reply": [] }""", "'user' is missing or no list")]
    [InlineData("""{ "system": [], "user": [1], "assistant": [], "reply": [] }""", "'user' holds 1")]
    [InlineData("""{ "system": [], "user": [], "assistant": [] }""", "'reply' is missing")]
    public void TryRead_OfAnythingElse_SaysWhatIsWrong(string json, string problem)
    {
        var error = Assert.Throws<CheckpointException>(() => Read(json));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains("prompt_template.json", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(65, 1, "'stop' has 65 texts of 1 to 1 characters; expected at most 64")]
    [InlineData(2, 1025, "of 1025 to 1025 characters; expected at most 64 texts of 1 to 1024")]
    [InlineData(1, 0, "of 0 to 0 characters")]
    public void TryRead_OfStopsThatNoReplyMayHave_SaysTheBounds(int count, int length, string problem)
    {
        string stops = string.Join(',', Enumerable.Repeat($"\"{new string('a', length)}\"", count));

        var error = Assert.Throws<CheckpointException>(() => Read($$"""{ "system": [], "user": [], "assistant": [], "reply": [], "stop": [{{stops}}] }"""));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TryRead_WithoutTheFile_IsNull()
    {
        using var folder = new TemporaryFolder();

        Assert.Null(DeclaredTemplate.TryRead(folder.Path));
    }

    private static DeclaredTemplate? Read(string json)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "prompt_template.json"), json);
        return DeclaredTemplate.TryRead(folder.Path);
    }
}
