using LocalBloom.AI;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Spectre.Console;

using var interrupts = new Interrupts();
Terminal.Open(interrupts.Press);

try
{
    if (DocumentArguments.Parse(args) is not { } arguments)
    {
        Console.WriteLine(DocumentArguments.Help);
        return 0;
    }

    // Before the model is loaded: a mistyped name is told at once.
    var folder = TextFolder.Read(arguments.Folder, interrupts.Quit);
    TellSkipped(folder.Skipped);

    IReadOnlyList<KnownQuestion>? known = arguments.EvaluationFile is { } file ? KnownQuestion.ReadAll(file) : null;

    IAnsiConsole console = ConsoleSetup.Open();

    var view = new DocumentView(console, arguments.Quiet);
    await using ServiceProvider services = ModelServices.Build(arguments.Model, configureServices: s => s.AddBloomEmbeddingGenerator());
    IChatClient client = services.GetRequiredService<IChatClient>();
    BloomEngine engine = client.GetRequiredService<BloomEngine>();
    await (arguments.Quiet ? engine.LoadAsync(null, interrupts.Quit) : ModelLoading.LoadAsync(engine, console, interrupts.Quit));

    int maxTokens = arguments.PassageTokensWithin(engine.MaxContextTokens);
    IReadOnlyList<DocumentPassage> passages = DocumentPassage.CutAll(folder.Documents, maxTokens, engine.CountTokens);
    using var collection = new MemoryCollection<int, DocumentPassage>("passages", passage => passage.Id, passage => passage.Vector);
    var generator = services.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
    PassageIndex? index = null;
    await view.EmbeddingAsync(
        passages.Count, Console.Error, async progress => index = await PassageIndex.BuildAsync(generator, collection, passages, progress, interrupts.Quit));
    TellSkipped(index!.Skipped);
    if (index.Skipped.Count == passages.Count)
    {
        throw new UsageException($"There is no passage in {arguments.Folder} that the model has room for.");
    }

    var answerer = new DocumentAnswerer(client, index) { MaxPassages = arguments.Passages, MaxReplyTokens = arguments.Model.MaxTokens };

    view.Welcome(engine.ModelId, arguments.IsFolderBuiltIn ? "those of the sample" : arguments.Folder, folder.Documents.Count, passages.Count - index.Skipped.Count, maxTokens);
    if (known is not null)
    {
        await Evaluation.RunAsync(known, passages, index, answerer, Console.Out, interrupts.Quit);
        return 0;
    }

    var loop = new DocumentLoop(answerer, view, interrupts);
    if (arguments.Question is { } question)
    {
        return await loop.AskAsync(question);
    }

    view.Begin(arguments.IsFolderBuiltIn);
    return await loop.RunAsync(ConsoleSetup.LinesOf(console));
}
catch (Exception e)
{
    return Failure.Tell(e, interrupts.Quit);
}

static void TellSkipped(IEnumerable<string> skipped)
{
    foreach (string item in skipped)
    {
        Console.Error.WriteLine(PrintableText.Of($"skipped {item}"));
    }
}
