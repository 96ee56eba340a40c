using LocalBloom.AI.Samples;
using Microsoft.Extensions.AI;

namespace LocalBloom.AI.Tests.Samples;

public class ChatPartsTests
{
    [Theory]
    [InlineData("  ", "Nothing", "")]
    [InlineData(" What? ", "Ask", "What?")]
    [InlineData("//etc is what?", "Ask", "/etc is what?")]
    [InlineData("/New", "New", "")]
    [InlineData("/passage", "Passage", "")]
    [InlineData("/passage  my file.txt ", "Passage", "my file.txt")]
    [InlineData("/quit now", "Unknown", "/quit now")]
    [InlineData("/bogus", "Unknown", "/bogus")]
    public void Command_IsRead(string line, string kind, string text) =>
        Assert.Equal(new ChatCommand(Enum.Parse<ChatCommandKind>(kind), text), ChatCommand.Parse(line));

    [Theory]
    [InlineData("refuse", ChatHistoryPolicy.Refuse)]
    [InlineData("drop-oldest", ChatHistoryPolicy.DropOldestTurns)]
    [InlineData("Keep-System", ChatHistoryPolicy.KeepSystem)]
    public void Arguments_ChooseTheHistoryPolicy(string name, ChatHistoryPolicy expected) =>
        Assert.Equal(expected, ChatArguments.Parse(["--history", name])!.History);

    [Fact]
    public void Arguments_AreThoseOfTheOtherSampleToo()
    {
        ChatArguments arguments = ChatArguments.Parse(["--model=m", "--strategy", "layer-split", "--device", "cpu#0", "--device", "cpu#1", "--context", "64"])!;

        Assert.Equal("m", arguments.Model.Model);
        Assert.Equal(BloomStrategy.LayerSplit, arguments.Model.Strategy);
        Assert.Equal(["cpu#0", "cpu#1"], arguments.Model.Devices);
        Assert.Equal(64, arguments.ContextTokens);
        Assert.Null(ChatArguments.Parse(["--help"]));
    }

    [Theory]
    [InlineData("--history takes refuse, drop-oldest or keep-system", "--history", "1")]
    [InlineData("--context takes a whole number of at least 16", "--context", "15")]
    [InlineData("--template takes", "--template", "x")]
    [InlineData("'What?' is no option", "What?")]
    [InlineData("--passage and --no-passage", "--passage", "f", "--no-passage")]
    public void Arguments_SayWhatIsWrong(string expected, params string[] arguments) =>
        Assert.StartsWith(expected, Assert.Throws<UsageException>(() => ChatArguments.Parse(arguments)).Message, StringComparison.Ordinal);

    [Fact]
    public void Passage_IsReadFromAQuotedName()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "\uFEFF\r\n one\r\ntwo \r\n");

            Assert.Equal(new Passage(Path.GetFileName(file), "one\ntwo"), Passage.Read($" \"{file}\" "));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("a\0b", "is no text.")]
    public void Passage_IsText(string content, string expected)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, content);

            Assert.Contains(expected, Assert.Throws<UsageException>(() => Passage.Read(file)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Passage_IsNoFolder() =>
        Assert.Contains("is a folder", Assert.Throws<UsageException>(() => Passage.Read(AppContext.BaseDirectory)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task PlainReader_EchoesEachLine_AndEndsWithTheInput()
    {
        var output = new StringWriter { NewLine = "\n" };
        var reader = new PlainLineReader(new StringReader("one\ntw\u001bo"), output);

        Assert.Equal("one", await reader.ReadAsync(TestContext.Current.CancellationToken));
        Assert.Equal("tw\u001bo", await reader.ReadAsync(TestContext.Current.CancellationToken));
        Assert.Null(await reader.ReadAsync(TestContext.Current.CancellationToken));
        Assert.Equal("> one\n> two\n", output.ToString());
    }

    [Fact]
    public void Timing_PartsThePromptFromDecoding()
    {
        var clock = new ManualClock();
        var timing = new AnswerTiming(clock);

        clock.Seconds = 2;
        timing.Observe(new ChatResponseUpdate(ChatRole.Assistant, "a"));
        clock.Seconds = 4;
        timing.Observe(new ChatResponseUpdate { Contents = [new UsageContent(new() { InputTokenCount = 7, OutputTokenCount = 5 })] });

        Assert.Equal(TimeSpan.FromSeconds(2), timing.ToFirstText);
        Assert.Equal(2.0, timing.DecodeRate); // four tokens after the first, in two seconds
        Assert.Equal((7, 5), (timing.PromptTokens, timing.ReplyTokens));
    }

    private sealed class ManualClock : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
