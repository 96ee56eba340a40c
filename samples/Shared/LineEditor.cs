using System.Text;
using Spectre.Console;

namespace LocalBloom.AI.Samples;

/// <summary>Reads a line from a terminal, with cursor keys, earlier lines by ↑ and ↓, and wide characters. .NET's own <c>ReadLine</c> has none of these.</summary>
internal sealed class LineEditor(IAnsiConsole console) : ILineReader
{
    public const string Prompt = "> ";

    private readonly List<string> _earlier = [];
    private LineBuffer _line = new();
    private string _draft = "";
    private int _position; // in _earlier; its end stands for the draft
    private int _cursorRow; // below the prompt's row

    public bool IsInteractive => true;

    public async Task<string?> ReadAsync(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return null;
        }

        (_line, _draft, _position, _cursorRow) = (new LineBuffer(), "", _earlier.Count, 0);
        Draw();
        while (await ReadKeyAsync(cancellationToken) is { } key)
        {
            if (key.Key is ConsoleKey.Enter || key.KeyChar is '\r' or '\n')
            {
                Leave();
                Remember(_line.Text);
                return _line.Text;
            }

            if (key.KeyChar == '\u0004' && _line.Text.Length == 0) // Ctrl+D
            {
                break;
            }

            Edit(key);
            if (!console.Input.IsKeyAvailable()) // a pasted text is drawn once
            {
                Draw();
            }
        }

        Leave();
        return null;
    }

    private async Task<ConsoleKeyInfo?> ReadKeyAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await console.Input.ReadKeyAsync(intercept: true, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private void Edit(ConsoleKeyInfo key)
    {
        switch (key)
        {
            case { Key: ConsoleKey.Backspace } or { KeyChar: '\b' or '\u007f' }: _line.DeleteBefore(); break;
            case { Key: ConsoleKey.Delete } or { KeyChar: '\u0004' }: _line.DeleteAfter(); break;
            case { Key: ConsoleKey.LeftArrow }: _line.Left(); break;
            case { Key: ConsoleKey.RightArrow }: _line.Right(); break;
            case { Key: ConsoleKey.Home } or { KeyChar: '\u0001' }: _line.Home(); break; // Ctrl+A
            case { Key: ConsoleKey.End } or { KeyChar: '\u0005' }: _line.End(); break; // Ctrl+E
            case { Key: ConsoleKey.UpArrow }: Recall(_position - 1); break;
            case { Key: ConsoleKey.DownArrow }: Recall(_position + 1); break;
            case { KeyChar: '\u0015' }: _line.DeleteToStart(); break; // Ctrl+U
            case { KeyChar: '\u0017' }: _line.DeleteWord(); break; // Ctrl+W
            case { KeyChar: '\t' }: _line.Insert(' '); break;
            case { KeyChar: var c } when !char.IsControl(c): _line.Insert(c); break;
            default: break;
        }
    }

    private void Recall(int position)
    {
        if (position < 0 || position > _earlier.Count)
        {
            return;
        }

        if (_position == _earlier.Count)
        {
            _draft = _line.Text;
        }

        _position = position;
        _line.Set(position == _earlier.Count ? _draft : _earlier[position]);
    }

    private void Remember(string line)
    {
        if (line.Trim().Length > 0 && (_earlier.Count == 0 || _earlier[^1] != line))
        {
            _earlier.Add(line);
        }
    }

    /// <summary>Writes prompt and text anew, and puts the cursor where it belongs.</summary>
    private void Draw()
    {
        int width = Math.Max(Prompt.Length + 2, console.Profile.Width);
        (int endRow, int endColumn) = LineBuffer.Locate(_line.Text, Prompt.Length, width);
        (int row, int column) = LineBuffer.Locate(_line.Text.AsSpan(0, _line.Cursor), Prompt.Length, width);

        var output = new StringBuilder();
        Move(output, 'A', _cursorRow);
        output.Append("\r\u001b[J").Append(Prompt).Append(_line.Text);
        if (endRow > 0 && endColumn == 0)
        {
            output.Append("\r\n"); // a terminal stays at the end of a full row until something follows
        }

        Move(output, 'A', endRow - row);
        output.Append('\r');
        Move(output, 'C', column);
        _cursorRow = row;
        Write(output.ToString());
    }

    private void Leave()
    {
        _line.End();
        Draw();
        Write("\r\n");
    }

    private static void Move(StringBuilder output, char direction, int count)
    {
        if (count > 0)
        {
            output.Append("\u001b[").Append(count).Append(direction);
        }
    }

    private void Write(string text)
    {
        console.Profile.Out.Writer.Write(text);
        console.Profile.Out.Writer.Flush();
    }
}
