using System.Text;

namespace LocalBloom.AI.Samples;

/// <summary>The terminal as these programs use it.</summary>
internal static class Terminal
{
    /// <summary>Writes UTF-8 from here on, and lets Ctrl+C cancel; a second one ends the process.</summary>
    /// <returns>Cancelled by Ctrl+C; the caller disposes it when the program ends.</returns>
    public static CancellationTokenSource Open()
    {
        var cancellation = new CancellationTokenSource();
        Open(() =>
        {
            bool isFirst = !cancellation.IsCancellationRequested;
            cancellation.Cancel();
            return isFirst;
        });
        return cancellation;
    }

    /// <summary>Writes UTF-8 from here on, and tells of each Ctrl+C.</summary>
    /// <param name="interrupted">Called on another thread; <see langword="false"/> ends the process.</param>
    public static void Open(Func<bool> interrupted)
    {
        Console.OutputEncoding = Encoding.UTF8;
        Console.CancelKeyPress += (_, pressed) => pressed.Cancel = interrupted();
    }
}
