using System.Text;

namespace LocalBloom.AI.Samples;

/// <summary>The terminal as these programs use it.</summary>
internal static class Terminal
{
    /// <summary>Writes UTF-8 from here on, and lets Ctrl+C cancel; a second one ends the process.</summary>
    /// <returns>Cancelled by Ctrl+C; the caller disposes it when the program ends.</returns>
    public static CancellationTokenSource Open()
    {
        Console.OutputEncoding = Encoding.UTF8;
        var cancellation = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = !cancellation.IsCancellationRequested;
            cancellation.Cancel();
        };
        return cancellation;
    }
}
