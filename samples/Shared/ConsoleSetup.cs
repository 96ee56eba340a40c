using Spectre.Console;

namespace LocalBloom.AI.Samples;

/// <summary>The console of programs that people talk to, and others read.</summary>
internal static class ConsoleSetup
{
    /// <summary>Gets the console; plain text in lines of any length where its output goes to a file or a program.</summary>
    public static IAnsiConsole Open()
    {
        IAnsiConsole console = AnsiConsole.Console;
        if (Console.IsOutputRedirected)
        {
            console.Profile.Capabilities.Ansi = false;
            console.Profile.Width = short.MaxValue; // whoever reads the output breaks the lines
        }

        return console;
    }

    /// <summary>Gets where lines come from: an editor for a person at a terminal, else plain lines, echoed where they are not typed.</summary>
    public static ILineReader LinesOf(IAnsiConsole console) => Console.IsInputRedirected || !console.Profile.Capabilities.Ansi
        ? new PlainLineReader(Console.In, Console.Out, isEchoed: Console.IsInputRedirected)
        : new LineEditor(console);
}
