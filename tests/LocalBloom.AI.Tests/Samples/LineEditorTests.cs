using LocalBloom.AI.Samples;

namespace LocalBloom.AI.Tests.Samples;

public class LineEditorTests
{
    [Fact]
    public async Task Keys_EditTheLine()
    {
        ChatConsole console = new ChatConsole(ansi: true).Type("hxello");
        console.Press(ConsoleKey.Home, ConsoleKey.RightArrow, ConsoleKey.Delete, ConsoleKey.End).Type(" word words");
        console.Press('\u0017').Press(ConsoleKey.Backspace, ConsoleKey.LeftArrow).Type("!").Press(ConsoleKey.Enter);

        Assert.Equal("hello wor!d", await ReadAsync(new LineEditor(console.Console)));
    }

    [Fact]
    public async Task SurrogatePair_IsOneCharacterToTheKeys()
    {
        ChatConsole console = new ChatConsole(ansi: true).Type("a😀😀b");
        console.Press(ConsoleKey.LeftArrow, ConsoleKey.Backspace, ConsoleKey.LeftArrow, ConsoleKey.Delete, ConsoleKey.Enter);

        Assert.Equal("ab", await ReadAsync(new LineEditor(console.Console)));
    }

    [Fact]
    public async Task Arrows_BringEarlierLinesAndTheDraft()
    {
        ChatConsole console = new ChatConsole(ansi: true).Type("one").Press(ConsoleKey.Enter).Type("two").Press(ConsoleKey.Enter);
        var editor = new LineEditor(console.Console);
        await ReadAsync(editor);
        await ReadAsync(editor);

        console.Type("dra").Press(ConsoleKey.UpArrow, ConsoleKey.UpArrow, ConsoleKey.UpArrow, ConsoleKey.Enter);
        Assert.Equal("one", await ReadAsync(editor));

        console.Type("dra").Press(ConsoleKey.UpArrow, ConsoleKey.DownArrow).Type("ft").Press(ConsoleKey.Enter);
        Assert.Equal("draft", await ReadAsync(editor));
    }

    [Fact]
    public async Task CtrlD_LeavesOnlyAnEmptyLine()
    {
        ChatConsole console = new ChatConsole(ansi: true).Type("ab").Press(ConsoleKey.Home).Press('\u0004').Press(ConsoleKey.Enter).Press('\u0004');
        var editor = new LineEditor(console.Console);

        Assert.Equal("b", await ReadAsync(editor));
        Assert.Null(await ReadAsync(editor));
    }

    [Fact]
    public async Task Cancellation_EndsAReadThatWaits()
    {
        using var cancellation = new CancellationTokenSource();
        ChatConsole console = new ChatConsole(ansi: true).Type("half a line");
        Task<string?> reading = new LineEditor(console.Console).ReadAsync(cancellation.Token);
        Assert.False(reading.IsCompleted);

        await cancellation.CancelAsync();

        Assert.Null(await reading.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("", 0, 2)]
    [InlineData("abc", 0, 5)]
    [InlineData("abcdefg", 0, 9)]
    [InlineData("abcdefgh", 1, 0)] // a full row: the next character begins another
    [InlineData("abcdefghi", 1, 1)]
    [InlineData("镇长是谁", 1, 0)]
    [InlineData("a镇长是谁", 1, 2)] // the last one does not fit into the one cell that is left
    public void Locate_CountsCells(string text, int row, int column) => Assert.Equal((row, column), LineBuffer.Locate(text, promptWidth: 2, width: 10));

    [Fact]
    public async Task LongLine_IsRedrawnFromItsFirstRow()
    {
        ChatConsole console = new ChatConsole(width: 10, ansi: true) { IsSlowTypist = true }.Type("abcdefghijk"); // rows "> abcdefgh" and "ijk"
        console.Press(ConsoleKey.Enter);

        await ReadAsync(new LineEditor(console.Console));

        Assert.EndsWith("\u001b[1A\r\u001b[J> abcdefghijk\r\u001b[3C\n", console.Output, StringComparison.Ordinal);
    }

    private static Task<string?> ReadAsync(LineEditor editor) =>
        editor.ReadAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
}
