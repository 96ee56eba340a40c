using Spectre.Console;

namespace LocalBloom.AI.Samples;

/// <summary>What the programs with a prompt show alike: lines, and a reply as it comes. Without ANSI it is plain lines.</summary>
internal abstract class ReplyView(IAnsiConsole console)
{
    private const string Waiting = "…";

    private bool _isWaiting;
    private bool _isAtLineStart = true;

    protected static Style Dim { get; } = new(decoration: Decoration.Dim);

    protected static Style Bold { get; } = new(decoration: Decoration.Bold);

    protected static Style Yellow { get; } = new(Color.Yellow);

    private static Style Red { get; } = new(Color.Red);

    public void Notice(string text) => Line(text, Dim);

    public void Warning(string text) => Line(text, Yellow);

    public void Problem(string text) => Line(text, Red);

    public void Blank() => Raw(Environment.NewLine);

    public void BeginReply()
    {
        _isWaiting = console.Profile.Capabilities.Ansi;
        _isAtLineStart = true;
        if (_isWaiting)
        {
            Raw(Waiting);
        }
    }

    public void ReplyText(string text)
    {
        if (text.Length == 0)
        {
            return;
        }

        ClearWaiting();
        Raw(PrintableText.Of(text));
        _isAtLineStart = text[^1] == '\n';
    }

    public void EndReply()
    {
        ClearWaiting();
        if (!_isAtLineStart)
        {
            Blank();
            _isAtLineStart = true;
        }
    }

    private void ClearWaiting()
    {
        if (_isWaiting)
        {
            _isWaiting = false;
            Raw("\r\u001b[K");
        }
    }

    protected void Line(string text, Style? style = null)
    {
        foreach (string line in PrintableText.Of(text).ReplaceLineEndings("\n").Split('\n'))
        {
            console.Write(new Spectre.Console.Text(line, style));
            Blank();
        }
    }

    private void Raw(string text)
    {
        console.Profile.Out.Writer.Write(text);
        console.Profile.Out.Writer.Flush();
    }
}
