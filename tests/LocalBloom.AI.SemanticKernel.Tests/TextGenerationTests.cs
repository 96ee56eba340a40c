using Microsoft.Extensions.DependencyInjection;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.Services;
using Microsoft.SemanticKernel.TextGeneration;

namespace LocalBloom.AI.SemanticKernel.Tests;

/// <summary>Plain continuation, by the demonstration model and by a client that is known.</summary>
public sealed class TextGenerationTests(DemoKernel demo) : IClassFixture<DemoKernel>
{
    // The model's own form, written out: what continues it is the answer, with the space before it.
    private const string Prompt = $"User: {DemoPassage.Text}\n\n{DemoPassage.Question}\nAssistant:";

    private readonly ITextGenerationService _service = demo.Kernel.GetRequiredService<ITextGenerationService>();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Prompt_IsContinuedAsItStands()
    {
        TextContent text = await _service.GetTextContentAsync(Prompt, cancellationToken: Cancellation);

        Assert.Equal(" " + DemoPassage.Answer, text.Text);
        Assert.Equal("localbloom-demo-model", text.ModelId);
        Assert.Equal("stop", text.Metadata?["FinishReason"]);
        Assert.Equal("localbloom-demo-model", _service.GetModelId());
    }

    [Fact]
    public async Task Stream_GivesTheSameText_InPieces()
    {
        List<StreamingTextContent> updates = await _service.GetStreamingTextContentsAsync(Prompt, cancellationToken: Cancellation).ToListAsync(Cancellation);

        Assert.True(updates.Count > 2);
        Assert.Equal(" " + DemoPassage.Answer, string.Concat(updates.Select(update => update.Text)));
        Assert.All(updates, update => Assert.Equal(0, update.ChoiceIndex));
        Assert.Equal("stop", updates[^1].Metadata?["FinishReason"]);
        Assert.NotNull(updates[^1].Metadata?["Usage"]);
    }

    [Fact]
    public async Task Settings_AreHonoured()
    {
        var stop = new BloomPromptExecutionSettings { StopSequences = [" fish"] };
        var length = new PromptExecutionSettings { ExtensionData = new Dictionary<string, object> { ["max_tokens"] = 1 } };

        Assert.Equal(" its smoked", (await _service.GetTextContentAsync(Prompt, stop, cancellationToken: Cancellation)).Text);
        TextContent one = await _service.GetTextContentAsync(Prompt, length, cancellationToken: Cancellation);
        Assert.Equal("length", one.Metadata?["FinishReason"]);
        Assert.StartsWith(one.Text!, " its smoked", StringComparison.Ordinal);
        await Assert.ThrowsAsync<NotSupportedException>(
            () => _service.GetTextContentAsync(Prompt, new BloomPromptExecutionSettings { ModelId = "another" }, cancellationToken: Cancellation));
    }

    [Fact]
    public async Task PromptFunction_RunsOnTextGeneration_WhereNothingElseIsThere()
    {
        Kernel kernel = Kernel.CreateBuilder().AddBloomTextGeneration().Build();
        await using var services = (ServiceProvider)kernel.Services;

        FunctionResult result = await kernel.InvokePromptAsync(
            "User: {{$passage}}\n\n{{$question}}\nAssistant:",
            new KernelArguments { ["passage"] = DemoPassage.Text, ["question"] = DemoPassage.Question },
            cancellationToken: Cancellation);

        Assert.Equal(" " + DemoPassage.Answer, result.GetValue<string>());
    }

    [Fact]
    public async Task SeveralReplies_AreSeveralContents()
    {
        var service = new BloomTextGenerationService(new RecordingChatClient("one", "two"));

        IReadOnlyList<TextContent> whole = await service.GetTextContentsAsync("prompt", cancellationToken: Cancellation);
        List<StreamingTextContent> streamed = await service.GetStreamingTextContentsAsync("prompt", cancellationToken: Cancellation).ToListAsync(Cancellation);

        Assert.Equal(["one", "two"], whole.Select(content => content.Text));
        Assert.Equal([("one", 0), ("two", 1)], streamed.Select(update => (update.Text, update.ChoiceIndex)));
    }
}
