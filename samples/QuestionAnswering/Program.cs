using LocalBloom.AI;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Spectre.Console;

using CancellationTokenSource cancellation = Terminal.Open();

try
{
    if (Arguments.Parse(args) is not { } arguments)
    {
        Console.WriteLine(Arguments.Help);
        return 0;
    }

    string prompt = ReadPrompt(arguments);
    await using ServiceProvider services = ModelServices.Build(arguments.Model);
    IChatClient client = services.GetRequiredService<IChatClient>();
    BloomEngine engine = client.GetRequiredService<BloomEngine>();

    if (arguments.Quiet)
    {
        await engine.LoadAsync(null, cancellation.Token);
    }
    else
    {
        await ModelLoading.LoadAsync(engine, AnsiConsole.Console, cancellation.Token);
        Console.WriteLine(engine.DescribePlan());
        Console.WriteLine();
        Console.WriteLine(PrintableText.Of(prompt));
        Console.WriteLine();
    }

    var options = new ChatOptions { Temperature = 0, MaxOutputTokens = arguments.Model.MaxTokens };
    var timing = new AnswerTiming();
    await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(prompt, options, cancellation.Token))
    {
        timing.Observe(update);
        Console.Write(PrintableText.Of(update.Text));
    }

    Console.WriteLine();
    if (!arguments.Quiet)
    {
        Console.WriteLine();
        Console.WriteLine(timing.Summarize());
    }

    return 0;
}
catch (Exception e)
{
    return Failure.Tell(e, cancellation.Token);
}

static string ReadPrompt(Arguments arguments) => arguments switch
{
    { Question: null } => SeedPrompt.Text,
    { PassageFile: { } file } => SeedPrompt.Compose(TextFile.Read(file), arguments.Question),
    _ => SeedPrompt.Compose(SeedPrompt.Passage, arguments.Question),
};
