using System.Text;
using LocalBloom.AI.Samples;
using Spectre.Console;

namespace LocalBloom.AI.Tests.Samples;

/// <summary>A console without a terminal: what is written is kept, keys are typed beforehand.</summary>
internal sealed class ChatConsole : IAnsiConsoleInput
{
    private readonly StringBuilder _output = new();
    private readonly Queue<ConsoleKeyInfo> _keys = new();

    public ChatConsole(int width = 400, bool ansi = false)
    {
        Console = new WithInput(
            AnsiConsole.Create(new AnsiConsoleSettings
            {
                Ansi = ansi ? AnsiSupport.Yes : AnsiSupport.No,
                ColorSystem = ColorSystemSupport.NoColors,
                Out = new AnsiConsoleOutput(new StringWriter(_output)),
            }),
            this);
        Console.Profile.Width = width;
    }

    public IAnsiConsole Console { get; }

    public string Output => _output.Replace("\r\n", "\n").ToString();

    public ChatConsole Type(string text)
    {
        foreach (char c in text)
        {
            Press(c);
        }

        return this;
    }

    public ChatConsole Press(params ConsoleKey[] keys)
    {
        foreach (ConsoleKey key in keys)
        {
            Press(key == ConsoleKey.Enter ? '\r' : '\0', key);
        }

        return this;
    }

    public ChatConsole Press(char c, ConsoleKey key = ConsoleKey.None)
    {
        _keys.Enqueue(new ConsoleKeyInfo(c, key, shift: false, alt: false, control: false));
        return this;
    }

    /// <summary>Gets a value indicating whether each key is drawn before the next one is typed.</summary>
    public bool IsSlowTypist { get; init; }

    public bool IsKeyAvailable() => !IsSlowTypist && _keys.Count > 0;

    public ConsoleKeyInfo? ReadKey(bool intercept) => _keys.TryDequeue(out ConsoleKeyInfo key) ? key : null;

    public async Task<ConsoleKeyInfo?> ReadKeyAsync(bool intercept, CancellationToken cancellationToken)
    {
        if (ReadKey(intercept) is { } key)
        {
            return key;
        }

        await Task.Delay(Timeout.Infinite, cancellationToken); // a person who thinks
        return null;
    }

    private sealed class WithInput(IAnsiConsole inner, IAnsiConsoleInput input) : IAnsiConsole
    {
        public Profile Profile => inner.Profile;

        public IAnsiConsoleCursor Cursor => inner.Cursor;

        public IAnsiConsoleInput Input => input;

        public IExclusivityMode ExclusivityMode => inner.ExclusivityMode;

        public Spectre.Console.Rendering.RenderPipeline Pipeline => inner.Pipeline;

        public void Clear(bool home) => inner.Clear(home);

        public void Write(Spectre.Console.Rendering.IRenderable renderable) => inner.Write(renderable);

        public void WriteAnsi(Action<AnsiWriter> action) => inner.WriteAnsi(action);
    }
}

/// <summary>Lines of a person; one may press Ctrl+C in place of typing.</summary>
internal sealed class ScriptedLines(params string[] lines) : ILineReader
{
    private readonly Queue<string> _lines = new(lines);

    public bool IsInteractive { get; init; } = true;

    public Task<string?> ReadAsync(CancellationToken cancellationToken) =>
        Task.FromResult(!cancellationToken.IsCancellationRequested && _lines.TryDequeue(out string? line) ? line : null);
}
