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
            if (line.Trim() is { Length: > 0 } question)
            {
                hasFailed |= await AskAsync(question) == Failure.Failed;
            }
        }

        return hasFailed && !reader.IsInteractive ? Failure.Failed : 0;
    }

    /// <returns>The exit code of a program that asks nothing else.</returns>
    public async Task<int> AskAsync(string question)
    {
        DocumentAnswer? answer = null;
        view.BeginReply();
        try
        {
            bool isComplete = await interrupts.DuringReplyAsync(async token => answer = await answerer.AnswerAsync(question, view.ReplyText, token));
            view.EndReply();
            if (isComplete)
            {
                view.Source(answer!);
                return 0;
            }

            view.Warning("Cancelled.");
            view.Blank();
            return Failure.Cancelled;
        }
        catch (Exception e)
        {
            view.EndReply();
            view.Problem(Failure.Describe(e));
            view.Blank();
            return Failure.Failed;
        }
    }
}
