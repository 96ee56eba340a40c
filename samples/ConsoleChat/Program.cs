using LocalBloom.AI;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Spectre.Console;

using var interrupts = new Interrupts();
Terminal.Open(interrupts.Press);

try
{
    if (ChatArguments.Parse(args) is not { } arguments)
    {
        Console.WriteLine(ChatArguments.Help);
        return 0;
    }

    // Before the model is loaded: a mistyped name is told at once.
    bool isNewcomer = arguments.Model.Model.Length == 0 && !arguments.NoPassage && arguments.PassageFile is null;
    var conversation = new Conversation(arguments.System);
    if ((isNewcomer ? Passage.BuiltInFile : arguments.PassageFile) is { } file)
    {
        conversation.Use(Passage.Read(file));
    }

    IAnsiConsole console = ConsoleSetup.Open();

    await using ServiceProvider services = ModelServices.Build(arguments.Model, options =>
    {
        options.MaxContextTokens = arguments.ContextTokens;
        options.HistoryPolicy = arguments.History;
    });
    IChatClient client = services.GetRequiredService<IChatClient>();
    BloomEngine engine = client.GetRequiredService<BloomEngine>();
    await ModelLoading.LoadAsync(engine, console, interrupts.Quit);

    var view = new ChatView(console);
    view.Welcome(engine, arguments);
    view.Begin(conversation, isNewcomer);
    var loop = new ChatLoop(client, ConsoleSetup.LinesOf(console), view, conversation, interrupts)
    {
        ContextTokens = engine.MaxContextTokens,
        MaxReplyTokens = arguments.Model.MaxTokens,
        History = arguments.History,
        DescribePlan = engine.DescribePlan,
    };
    return await loop.RunAsync();
}
catch (Exception e)
{
    return Failure.Tell(e, interrupts.Quit);
}
