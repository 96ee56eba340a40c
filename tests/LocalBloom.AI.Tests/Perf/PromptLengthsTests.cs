using LocalBloom.AI.Latency;
using LocalBloom.AI.Samples;
using LocalBloom.AI.Testing;

namespace LocalBloom.AI.Tests.Perf;

public class PromptLengthsTests
{
    [Theory]
    [InlineData("560m", 250_880)]
    [InlineData("1,8,2,100", 100)]
    public void Prompts_AreAsLongAsAsked_InTheVocabulary_AndNoTwoBeginAlike(string shape, int vocabulary)
    {
        var lengths = new PromptLengths(Parse("--shape", shape, "--prompt-tokens", "2000,16, 171,16,1,170"));

        IReadOnlyList<int>[] prompts = [.. Enumerable.Range(0, lengths.Lengths.Count).Select(lengths.Prompt)];

        Assert.Equal([1, 16, 170, 171, 2000], prompts.Select(prompt => prompt.Count));
        Assert.All(prompts, prompt => Assert.All(prompt, id => Assert.InRange(id, 0, vocabulary - 1)));
        Assert.Distinct([RecordedPrompt.For(vocabulary)[0], .. prompts.Select(prompt => prompt[0])]);
    }

    [Theory]
    [InlineData("2047", true)]
    [InlineData("16,2048", false)]
    public void Shape_LeavesRoomForANewToken_OrTheLengthIsRefused(string tokens, bool fits) => Check(["--shape", "560m", "--prompt-tokens", tokens], fits ? null : 2047);

    // Its config.json declares no context: the engine takes 2,048 tokens then.
    [Theory]
    [InlineData("2047", true)]
    [InlineData("2048", false)]
    public void Checkpoint_IsAskedForItsContext_BeforeItIsLoaded(string tokens, bool fits)
    {
        using var folder = new Loading.TemporaryFolder();
        File.Copy(Path.Combine(Golden.Model("safetensors-f32"), "config.json"), folder.File("config.json"));

        Check(["--model", folder.Path, "--prompt-tokens", tokens], fits ? null : 2047);
    }

    private static void Check(string[] arguments, int? most)
    {
        Exception? error = Record.Exception(() => new PromptLengths(Parse(arguments)));

        if (most is null)
        {
            Assert.Null(error);
            return;
        }

        Assert.StartsWith($"--prompt-tokens takes numbers from 1 to {most} for this model, not '2048'", Assert.IsType<UsageException>(error).Message, StringComparison.Ordinal);
    }

    private static LatencyArguments Parse(params string[] arguments) => LatencyArguments.Parse(arguments)!;
}
