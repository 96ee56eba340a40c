using System.ComponentModel;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;

namespace LocalBloom.AI.SemanticKernel.Tests;

/// <summary>Prompt functions and chat history, answered by the demonstration model.</summary>
public sealed class PromptFunctionTests(DemoKernel demo) : IClassFixture<DemoKernel>
{
    private const string Template = "{{$passage}}\n\n{{$question}}";

    private readonly Kernel _kernel = demo.Kernel.Clone(); // a test's plugins are its own

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static KernelArguments Arguments(PromptExecutionSettings? settings = null) =>
        new(settings) { ["passage"] = DemoPassage.Text, ["question"] = DemoPassage.Question };

    [Fact]
    public async Task Variables_AreFilledIn_AndTheAnswerIsRight()
    {
        KernelFunction ask = _kernel.CreateFunctionFromPrompt(Template, new BloomPromptExecutionSettings { MaxTokens = 32 });

        FunctionResult first = await _kernel.InvokeAsync(ask, Arguments(), Cancellation);
        FunctionResult second = await _kernel.InvokeAsync(
            ask, new KernelArguments { ["passage"] = DemoPassage.Text, ["question"] = "When does the ferry to the mainland leave?" }, Cancellation);

        Assert.Equal(DemoPassage.Answer, first.GetValue<string>());
        Assert.Contains("6:45", second.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stream_GivesTheSameAnswer_InPieces()
    {
        List<string> pieces = await _kernel.InvokePromptStreamingAsync<string>(Template, Arguments(), cancellationToken: Cancellation).ToListAsync(Cancellation);

        Assert.True(pieces.Count(piece => piece.Length > 0) > 1);
        Assert.Equal(DemoPassage.Answer, string.Concat(pieces));
    }

    [Fact]
    public async Task ChatClientAlone_AnswersPromptFunctions()
    {
        Kernel kernel = Kernel.CreateBuilder().AddBloomChatClient().Build();
        await using var services = (ServiceProvider)kernel.Services;

        Assert.Equal(DemoPassage.Answer, await kernel.InvokePromptAsync<string>(Template, Arguments(), cancellationToken: Cancellation));
        List<string> pieces = await kernel.InvokePromptStreamingAsync<string>(Template, Arguments(), cancellationToken: Cancellation).ToListAsync(Cancellation);
        Assert.Equal(DemoPassage.Answer, string.Concat(pieces));
    }

    [Fact]
    public async Task ServiceId_ChoosesTheService()
    {
        Kernel kernel = Kernel.CreateBuilder()
            .AddBloomChatCompletion(options => options.Model = "/nowhere", "broken")
            .AddBloomChatCompletion(serviceId: "demo")
            .Build();
        await using var services = (ServiceProvider)kernel.Services;

        string? answer = await kernel.InvokePromptAsync<string>(
            Template, Arguments(new BloomPromptExecutionSettings { ServiceId = "demo" }), cancellationToken: Cancellation);

        Assert.Equal(DemoPassage.Answer, answer);
        await Assert.ThrowsAnyAsync<LocalBloomException>(() => kernel.InvokePromptAsync(
            Template, Arguments(new BloomPromptExecutionSettings { ServiceId = "broken" }), cancellationToken: Cancellation));
    }

    [Fact]
    public async Task PluginsResult_GoesIntoThePrompt()
    {
        _kernel.Plugins.AddFromType<Villages>();

        FunctionResult result = await _kernel.InvokePromptAsync(
            "{{Villages.Describe $village}}\n\n{{$question}}",
            new KernelArguments { ["village"] = "Holm", ["question"] = DemoPassage.Question },
            cancellationToken: Cancellation);

        Assert.Equal(DemoPassage.Answer, result.GetValue<string>());
    }

    [Fact]
    public async Task FunctionChoiceNone_ListsFunctions_AndTheModelAnswers()
    {
        _kernel.Plugins.AddFromType<Villages>();

        Assert.Equal(DemoPassage.Answer, await AnswerWith(FunctionChoiceBehavior.None()));
    }

    [Fact]
    public async Task FunctionChoiceAuto_WithoutFunctions_AsksForNothing() =>
        Assert.Equal(DemoPassage.Answer, await AnswerWith(FunctionChoiceBehavior.Auto()));

    [Fact]
    public async Task FunctionChoicesThatNeedToolCalls_AreRefusedByName()
    {
        _kernel.Plugins.AddFromType<Villages>();

        foreach (FunctionChoiceBehavior choice in new[] { FunctionChoiceBehavior.Auto(), FunctionChoiceBehavior.Required() })
        {
            var refused = await Assert.ThrowsAsync<NotSupportedException>(() => AnswerWith(choice));
            Assert.Contains("Tool", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task ChatHistory_IsAnsweredTurnByTurn()
    {
        var chat = _kernel.GetRequiredService<IChatCompletionService>();
        var history = new ChatHistory();
        history.AddUserMessage($"{DemoPassage.Text}\n\n{DemoPassage.Question}");

        ChatMessageContent first = await chat.GetChatMessageContentAsync(history, kernel: _kernel, cancellationToken: Cancellation);
        Assert.Equal(AuthorRole.Assistant, first.Role);
        Assert.Equal(DemoPassage.Answer, first.Content);
        Assert.Equal("localbloom-demo-model", first.ModelId);

        history.Add(first);
        history.AddUserMessage("When does the ferry leave?");
        List<StreamingChatMessageContent> updates =
            await chat.GetStreamingChatMessageContentsAsync(history, kernel: _kernel, cancellationToken: Cancellation).ToListAsync(Cancellation);
        Assert.Contains("6:45", string.Concat(updates.Select(update => update.Content)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_ReachTheModel()
    {
        FunctionResult stopped = await _kernel.InvokePromptAsync(
            Template, Arguments(new BloomPromptExecutionSettings { StopSequences = [" fish"] }), cancellationToken: Cancellation);
        FunctionResult cut = await _kernel.InvokePromptAsync(
            Template, Arguments(new BloomPromptExecutionSettings { MaxTokens = 1 }), cancellationToken: Cancellation);

        Assert.Equal("its smoked", stopped.GetValue<string>());
        Assert.Equal(1, Assert.IsType<UsageDetails>(cut.Metadata?["Usage"]).OutputTokenCount);
    }

    private Task<string?> AnswerWith(FunctionChoiceBehavior choice) => _kernel.InvokePromptAsync<string>(
        Template, Arguments(new BloomPromptExecutionSettings { FunctionChoiceBehavior = choice }), cancellationToken: Cancellation);

    private sealed class Villages
    {
        [KernelFunction]
        [Description("Describes a village.")]
        public static string Describe(string village) => village == "Holm" ? DemoPassage.Text : $"Nothing is known about {village}.";
    }
}
