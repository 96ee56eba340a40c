namespace LocalBloom.AI.Samples;

/// <summary>Reads lines from a pipe or a file, and writes each after the prompt, so that the output reads like a conversation.</summary>
internal sealed class PlainLineReader(TextReader input, TextWriter output, bool isEchoed = true) : ILineReader
{
    public bool IsInteractive => !isEchoed;

    public async Task<string?> ReadAsync(CancellationToken cancellationToken)
    {
        string? line;
        if (!isEchoed)
        {
            output.Write(LineEditor.Prompt);
            output.Flush();
        }

        try
        {
            // Reading standard input cannot be cancelled: the thread is left behind when the program ends.
            line = await Task.Run(input.ReadLine, CancellationToken.None).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return null;
        }

        if (isEchoed && line is not null)
        {
            output.WriteLine(LineEditor.Prompt + PrintableText.Of(line));
        }

        return line;
    }
}
