using Microsoft.Extensions.Options;

namespace LocalBloom.AI.Samples;

/// <summary>What a person is told of an exception: one line, and an exit code.</summary>
internal static class Failure
{
    public const int Failed = 1;
    public const int WrongArguments = 2;
    public const int Cancelled = 130;

    // Options come from the command line alone: so that is what a person can put right.
    private static readonly (string Property, string Option)[] s_options =
    [
        (nameof(BloomChatClientOptions.Devices), "--device"),
        (nameof(BloomChatClientOptions.LayerMap), "--layer-map"),
        (nameof(BloomChatClientOptions.MaxContextTokens), "--context"),
        (nameof(BloomChatClientOptions.MemoryLimit), "--memory-limit"),
        (nameof(BloomChatClientOptions.Model), "--model"),
        (nameof(BloomChatClientOptions.NumberType), "--number-type"),
        (nameof(BloomChatClientOptions.Strategy), "--strategy"),
        (nameof(BloomChatClientOptions.WeightFormat), "--weight-format"),
    ];

    /// <summary>Tells on standard error why the program ends.</summary>
    /// <param name="e">What ended it.</param>
    /// <param name="cancellation">Cancelled where a person ended it.</param>
    /// <returns>The exit code.</returns>
    public static int Tell(Exception e, CancellationToken cancellation)
    {
        if (e is OperationCanceledException && cancellation.IsCancellationRequested)
        {
            Console.WriteLine();
            Console.Error.WriteLine("cancelled");
            return Cancelled;
        }

        Console.Error.WriteLine(Describe(e));
        return ExitCode(e);
    }

    /// <summary>Gets the exit code for an exception that ended the program.</summary>
    public static int ExitCode(Exception e) => e is UsageException or OptionsValidationException ? WrongArguments : Failed;

    /// <summary>Gets one line; it begins with the exception's type where nobody wrote the message for people.</summary>
    public static string Describe(Exception e)
    {
        string text = e.Message;
        if (e is OptionsValidationException)
        {
            text = s_options.Aggregate(text, (told, name) => told.Replace($"Property {name.Property}:", $"{name.Option}:", StringComparison.Ordinal));
        }

        string message = string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        bool isForPeople = e is LocalBloomException or UsageException or OptionsValidationException or IOException or UnauthorizedAccessException;
        return isForPeople ? message : $"{e.GetType().Name}: {message}";
    }
}
