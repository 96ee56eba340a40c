namespace LocalBloom.AI.Samples;

/// <summary>Text that a terminal shows and does not obey: neither a model nor a file may move the cursor or set colours.</summary>
internal static class PrintableText
{
    /// <summary>Leaves out control characters, save line breaks and tabs.</summary>
    public static string Of(string text) =>
        text.Any(IsCommand) ? string.Concat(text.Where(c => !IsCommand(c))) : text;

    private static bool IsCommand(char c) => char.IsControl(c) && c is not ('\n' or '\t');
}
