using Spectre.Console;

namespace LocalBloom.AI.Samples;

/// <summary>Everything that the program shows.</summary>
/// <param name="console">Where to.</param>
/// <param name="isQuiet">Whether only answers, sources and problems are shown.</param>
internal sealed class DocumentView(IAnsiConsole console, bool isQuiet = false) : ReplyView(console)
{
    private readonly IAnsiConsole _console = console;

    public void Welcome(string model, string folder, int files, int passages, int maxTokens)
    {
        if (!isQuiet)
        {
            Line("LocalBloom.AI document question answering", Bold);
            Line($"model      {model}");
            Line($"documents  {folder}: {files} files, {passages} passages of at most {maxTokens} tokens");
            Blank();
        }
    }

    public void Begin(bool isNewcomer)
    {
        if (!isQuiet)
        {
            Notice($"Ask about them{(isNewcomer ? ", for example: When does the ferry leave? 王芳的奖品是什么？" : ".")} /help says what else there is.");
            Blank();
        }
    }

    public void Help()
    {
        Notice("A line is a question about the documents. quit, exit and /quit leave, as do Ctrl+C and Ctrl+D; Ctrl+C during a reply cancels that.");
        Blank();
    }

    /// <summary>Shows how far the embedding has come: a bar on a terminal, lines elsewhere.</summary>
    /// <param name="count">How many passages there are.</param>
    /// <param name="errors">Where the lines go.</param>
    /// <param name="embed">The work; it reports how many are embedded.</param>
    public Task EmbeddingAsync(int count, TextWriter errors, Func<IProgress<int>?, Task> embed)
    {
        if (isQuiet)
        {
            return embed(null);
        }

        if (_console.Profile is not { Out.IsTerminal: true, Capabilities.Ansi: true })
        {
            Line($"embedding {count} passages");
            return embed(new Lines(errors, count));
        }

        return _console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(context => embed(new Bar(context.AddTask("embedding passages", maxValue: count))));
    }

    /// <summary>Says where an answer comes from, once its text was shown.</summary>
    public void Source(DocumentAnswer answer)
    {
        if (!answer.IsFound)
        {
            Line(answer.Asked == 1 ? "The nearest passage does not answer this." : $"None of the {answer.Asked} nearest passages answers this.");
            Notice($"the nearest: {answer.Passage.Source}");
        }
        else
        {
            string effort = isQuiet ? "" : $" · passage {answer.Asked} by nearness · {answer.Timing.ReplyTokens} tokens, first after {answer.Timing.ToFirstText.TotalSeconds:0.000} s";
            Notice($"{answer.Passage.Source}{effort}");
        }

        Blank();
    }

    private sealed class Lines(TextWriter output, int count) : IProgress<int>
    {
        private const int Step = 100; // some seconds of work for a small model

        private int _said;

        public void Report(int value)
        {
            if (value / Step > _said)
            {
                _said = value / Step;
                output.WriteLine($"embedded {value} of {count} passages");
            }
        }
    }

    private sealed class Bar(ProgressTask task) : IProgress<int>
    {
        public void Report(int value) => task.Value = value;
    }
}
