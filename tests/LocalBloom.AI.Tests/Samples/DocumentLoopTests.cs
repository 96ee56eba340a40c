using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;
using static LocalBloom.AI.Tests.Samples.ScriptedModel;

namespace LocalBloom.AI.Tests.Samples;

public sealed class DocumentLoopTests : IDisposable
{
    private const string Declines = "The passage does not say.";

    private static readonly string[] s_texts = ["b", "bb", "bbbb"];

    private readonly ChatConsole _console = new();
    private readonly Interrupts _interrupts = new();
    private readonly MemoryCollection<int, DocumentPassage> _collection = new("passages", passage => passage.Id, passage => passage.Vector);

    [Fact]
    public async Task Question_GoesToTheNearestPassages_UntilOneAnswers()
    {
        using var model = new ScriptedModel(Says(Declines), Says("文中没有提到。"), Says("The ferry."));

        Assert.Equal(0, await RunAsync(model, new ScriptedLines("bb?", " ")));

        Assert.Equal([["user: bb\n\nbb?"], ["user: b\n\nbb?"], ["user: bbbb\n\nbb?"]], model.Asked);
        Assert.StartsWith("The ferry.\nf.txt, lines 5–6 · passage 3 by nearness · 10 tokens, first after ", _console.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhereNoPassageAnswers_TheNearestIsNamed()
    {
        using var model = new ScriptedModel(Says(Declines), Says(""), Says(Declines));

        Assert.Equal(0, await RunAsync(model, new ScriptedLines("bb?")));

        Assert.Equal("None of the 3 nearest passages answers this.\nthe nearest: f.txt, lines 3–4\n\n", _console.Output);
    }

    [Theory]
    [InlineData("The passage does not")] // cut off
    [InlineData("The passage does not say. Or does it?")]
    public async Task WhatOnlyBeginsLikeARefusal_IsAnAnswer(string reply)
    {
        using var model = new ScriptedModel(Says(reply));

        await RunAsync(model, new ScriptedLines("bb?"));

        Assert.StartsWith($"{reply}\nf.txt, lines 3–4", _console.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CtrlC_CancelsTheReplyOnly()
    {
        using var model = new ScriptedModel(Rambles("blah", () => Assert.True(_interrupts.Press())), Says("two"));

        Assert.Equal(0, await RunAsync(model, new ScriptedLines("first?", "second?")));

        Assert.StartsWith("blah\nCancelled.\n\ntwo\nf.txt, ", _console.Output, StringComparison.Ordinal);
        Assert.False(_interrupts.Quit.IsCancellationRequested);
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, Failure.Failed)] // nobody is there to react
    public async Task Failure_IsOneLine_AndTheNextQuestionIsAsked(bool isInteractive, int exitCode)
    {
        using var model = new ScriptedModel(Fails(new InvalidOperationException("one\ntwo")), Says("fine"));

        Assert.Equal(exitCode, await RunAsync(model, new ScriptedLines("first?", "second?") { IsInteractive = isInteractive }));

        Assert.StartsWith("InvalidOperationException: one two\n\nfine\n", _console.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FileName_DoesNotCommandTheTerminal()
    {
        using var model = new ScriptedModel(Says("\u001b[2Jfine"));

        await RunAsync(model, new ScriptedLines("bb?"), file: "f\u001b[31m.txt");

        Assert.StartsWith("[2Jfine\nf[31m.txt, lines 3–4", _console.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PassageWithoutRoom_IsSkippedByName_AndTheOthersAreFound()
    {
        using var generator = new LengthGenerator();
        string[] texts = ["b", new('b', LengthGenerator.MaxLength + 1), "bb"];

        PassageIndex index = await PassageIndex.BuildAsync(generator, _collection, Passages(texts, "f.md"), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(["f.md, lines 3–4: has 101 tokens, and the model reads at most 100"], index.Skipped);
        Assert.Equal(["bb", "b"], (await index.FindAsync("bb", 8, TestContext.Current.CancellationToken)).Select(passage => passage.Text));
    }

    [Theory]
    [InlineData("quit")]
    [InlineData(" Exit")]
    [InlineData("/quit")]
    public async Task Leaving_AsksNothingMore(string line)
    {
        using var model = new ScriptedModel(Says("one"));

        Assert.Equal(0, await RunAsync(model, new ScriptedLines("/help", "first?", line, "second?")));

        Assert.Single(model.Asked);
        Assert.StartsWith("A line is a question about the documents.", _console.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OnlyQuestion_ThatFails_IsTheCallersToTell()
    {
        using var model = new ScriptedModel(Fails(new InvalidOperationException("one")));

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await (await LoopAsync(model)).AskAsync("first?"));

        Assert.Equal("", _console.Output);
    }

    [Fact]
    public async Task Embedding_WithoutATerminal_TellsOfEachHundred()
    {
        var errors = new StringWriter { NewLine = "\n" };

        await new DocumentView(_console.Console).EmbeddingAsync(300, errors, progress =>
        {
            for (int done = 50; done <= 300; done += 50)
            {
                progress!.Report(done);
            }

            return Task.CompletedTask;
        });

        Assert.Equal("embedded 100 of 300 passages\nembedded 200 of 300 passages\nembedded 300 of 300 passages\n", errors.ToString());
    }

    [Theory]
    [InlineData(" ", "The folder's name is empty: leave it out for the documents that come along.")]
    [InlineData("folder|question|third", "'third' is one argument too many; put the question in quotes.")]
    [InlineData("folder| ", "The question is empty.")]
    [InlineData("folder|question|--evaluate|f", "--evaluate asks the questions of its file: leave the other question out.")]
    [InlineData("--passages|0", "--passages takes a whole number of at least 1, not '0'.")]
    public void WrongArguments_AreNamed(string arguments, string message) =>
        Assert.Equal(message, Assert.Throws<UsageException>(() => DocumentArguments.Parse(arguments.Split('|'))).Message);

    [Fact]
    public void PassageTokens_LeaveRoomForTheReply()
    {
        Assert.Equal(200, DocumentArguments.Parse([])!.PassageTokensWithin(2048));
        Assert.Equal(320 - 128 - 64, DocumentArguments.Parse([])!.PassageTokensWithin(320));
        Assert.Equal(1000, DocumentArguments.Parse(["--passage-tokens", "1000"])!.PassageTokensWithin(2048));
        Assert.Contains("at most 1856", Refused("--passage-tokens", "1857"), StringComparison.Ordinal);
        Assert.Contains("smaller --max-tokens than 2000", Refused("--max-tokens", "2000"), StringComparison.Ordinal);

        static string Refused(params string[] arguments) =>
            Assert.Throws<UsageException>(() => DocumentArguments.Parse(arguments)!.PassageTokensWithin(2048)).Message;
    }

    public void Dispose()
    {
        _collection.Dispose();
        _interrupts.Dispose();
    }

    private async Task<int> RunAsync(ScriptedModel model, ScriptedLines lines, string file = "f.txt") => await (await LoopAsync(model, file)).RunAsync(lines);

    private async Task<DocumentLoop> LoopAsync(ScriptedModel model, string file = "f.txt")
    {
        using var generator = new LengthGenerator();
        PassageIndex index = await PassageIndex.BuildAsync(generator, _collection, Passages(s_texts, file), cancellationToken: TestContext.Current.CancellationToken);
        return new DocumentLoop(new DocumentAnswerer(model, index), new DocumentView(_console.Console), _interrupts);
    }

    private static DocumentPassage[] Passages(string[] texts, string file) =>
        [.. texts.Select((text, id) => new DocumentPassage { Id = id, File = file, FirstLine = 2 * id + 1, LastLine = 2 * id + 2, Text = text })];

    /// <summary>Texts are near where they have about as many b's.</summary>
    private sealed class LengthGenerator : IEmbeddingGenerator<string, Embedding<float>>
    {
        public const int MaxLength = 100;

        public Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
            IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default) =>
            values.FirstOrDefault(value => value.Length > MaxLength) is { } overlong ? throw new ContextOverflowException(overlong.Length, MaxLength) :
            Task.FromResult(new GeneratedEmbeddings<Embedding<float>>(values.Select(value => new Embedding<float>(Vector(value.Count(c => c == 'b'))))));

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }

        private static float[] Vector(int count) => [MathF.Cos(count * 0.3f), MathF.Sin(count * 0.3f)];
    }
}
