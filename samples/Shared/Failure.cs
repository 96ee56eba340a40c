using Microsoft.Extensions.Options;

namespace LocalBloom.AI.Samples;

/// <summary>What a person is told of an exception: one line, and an exit code.</summary>
internal static class Failure
{
    public const int Failed = 1;
    public const int WrongArguments = 2;
    public const int Cancelled = 130;

    /// <summary>Gets the exit code for an exception that ended the program.</summary>
    public static int ExitCode(Exception e) => e is UsageException ? WrongArguments : Failed;

    /// <summary>Gets one line; it begins with the exception's type where nobody wrote the message for people.</summary>
    public static string Describe(Exception e)
    {
        string message = string.Join(' ', e.Message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        bool isForPeople = e is LocalBloomException or UsageException or OptionsValidationException or IOException or UnauthorizedAccessException;
        return isForPeople ? message : $"{e.GetType().Name}: {message}";
    }
}
