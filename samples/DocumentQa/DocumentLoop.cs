namespace LocalBloom.AI.Samples;

/// <summary>Asks for questions and answers them, until the person leaves.</summary>
internal sealed class DocumentLoop(DocumentAnswerer answerer, DocumentView view, Interrupts interrupts)
{
    /// <returns>The exit code: a failed question is a failure of the program only where nobody could react to it.</returns>
    public async Task<int> RunAsync(ILineReader reader)
    {
        bool hasFailed = false;
        while (await reader.ReadAsync(interrupts.Quit) is { } line)
        {
            string text = line.Trim();
            switch (text.ToUpperInvariant())
            {
                case "":
                    break;
                case "QUIT" or "EXIT" or "/QUIT" or "/EXIT":
                    return ExitCode();
                case "/HELP" or "/?":
                    view.Help();
                    break;
                default:
                    hasFailed |= !await TryAskAsync(text);
                    break;
            }
        }

        return ExitCode();

        int ExitCode() => hasFailed && !reader.IsInteractive ? Failure.Failed : 0;
    }

    /// <summary>Answers one question.</summary>
    /// <returns>The exit code of a program that asks nothing else. What fails is thrown.</returns>
    public async Task<int> AskAsync(string question)
    {
        DocumentAnswer? answer = null;
        bool isComplete;
        view.BeginReply();
        try
        {
            isComplete = await interrupts.DuringReplyAsync(async token => answer = await answerer.AnswerAsync(question, view.ReplyText, token));
        }
        finally
        {
            view.EndReply();
        }

        if (isComplete)
        {
            view.Source(answer!);
            return 0;
        }

        view.Warning("Cancelled.");
        view.Blank();
        return Failure.Cancelled;
    }

    private async Task<bool> TryAskAsync(string question)
    {
        try
        {
            await AskAsync(question);
            return true;
        }
        catch (Exception e)
        {
            view.Problem(Failure.Describe(e));
            view.Blank();
            return false;
        }
    }
}
