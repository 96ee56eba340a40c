using LocalBloom.AI;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

using CancellationTokenSource cancellation = Terminal.Open();

try
{
    if (Arguments.Parse(args) is not { } arguments)
    {
        Console.WriteLine(Arguments.Help);
        return 0;
    }

    string prompt = await ReadPromptAsync(arguments, cancellation.Token);
    await using ServiceProvider services = BuildServices(arguments);
    IChatClient client = services.GetRequiredService<IChatClient>();
    BloomEngine engine = client.GetRequiredService<BloomEngine>();

    await ModelLoading.LoadAsync(engine, arguments.Quiet, cancellation.Token);
    if (!arguments.Quiet)
    {
        Console.WriteLine(engine.DescribePlan());
        Console.WriteLine();
        Console.WriteLine(prompt);
        Console.WriteLine();
    }

    var options = new ChatOptions { Temperature = 0, MaxOutputTokens = arguments.MaxTokens };
    var timing = new AnswerTiming();
    await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(prompt, options, cancellation.Token))
    {
        timing.Observe(update);
        Console.Write(update.Text);
    }

    Console.WriteLine();
    if (!arguments.Quiet)
    {
        Console.WriteLine();
        Console.WriteLine(timing.Summarize());
    }

    return 0;
}
catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
{
    Console.WriteLine();
    Console.Error.WriteLine("cancelled");
    return 130;
}
catch (UsageException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
catch (Exception e) when (e is LocalBloomException or OptionsValidationException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

static ServiceProvider BuildServices(Arguments arguments)
{
    var services = new ServiceCollection();
    services.AddLogging(logging => logging
        .SetMinimumLevel(arguments.Verbose ? LogLevel.Information : LogLevel.Warning)
        .AddSimpleConsole(console => console.SingleLine = true));
    services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    services.AddBloomChatClient(options =>
    {
        options.Model = arguments.Model;
        options.Strategy = arguments.Strategy;
        options.Devices = [.. arguments.Devices];
        options.LayerMap = arguments.LayerMap;
        options.NumberType = arguments.NumberType;
        options.PromptTemplate = arguments.Template;
    });
    return services.BuildServiceProvider();
}

static async Task<string> ReadPromptAsync(Arguments arguments, CancellationToken cancellationToken) => arguments switch
{
    { Question: null } => SeedPrompt.Text,
    { PassageFile: { } file } => SeedPrompt.Compose(await File.ReadAllTextAsync(file, cancellationToken), arguments.Question),
    _ => SeedPrompt.Compose(SeedPrompt.Passage, arguments.Question),
};
