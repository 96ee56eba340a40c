using Spectre.Console;

namespace LocalBloom.AI.Samples;

/// <summary>Loads a model while saying how far it has come: a bar on a terminal, a few lines elsewhere.</summary>
internal static class ModelLoading
{
    private const int LinesWhenPlain = 4;

    public static Task LoadAsync(BloomEngine engine, IAnsiConsole console, CancellationToken cancellationToken)
    {
        if (console.Profile is { Out.IsTerminal: true, Capabilities.Ansi: true })
        {
            return LoadWithBarAsync(engine, console, cancellationToken);
        }

        TextWriter output = console.Profile.Out.Writer;
        output.WriteLine($"loading {engine.ModelId}");
        return engine.LoadAsync(new PlainProgress(output), cancellationToken);
    }

    private static Task LoadWithBarAsync(BloomEngine engine, IAnsiConsole console, CancellationToken cancellationToken) =>
        console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new DownloadedColumn(), new RemainingTimeColumn())
            .StartAsync(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape($"loading {engine.ModelId}"));
                task.IsIndeterminate = true; // until the checkpoint's size is known
                return engine.LoadAsync(new BarProgress(task), cancellationToken);
            });

    private sealed class BarProgress(ProgressTask task) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value)
        {
            task.IsIndeterminate = false;
            task.MaxValue = Math.Max(1, value.BytesTotal);
            task.Value = value.BytesLoaded;
        }
    }

    private sealed class PlainProgress(TextWriter output) : IProgress<LoadProgress>
    {
        private readonly Lock _gate = new();
        private int _said;

        public void Report(LoadProgress value)
        {
            lock (_gate)
            {
                int reached = value.BytesTotal > 0 ? (int)(LinesWhenPlain * value.BytesLoaded / value.BytesTotal) : 0;
                if (reached > _said)
                {
                    _said = reached;
                    output.WriteLine($"loaded {value.BytesLoaded / 1e6:0.0} of {value.BytesTotal / 1e6:0.0} MB");
                }
            }
        }
    }
}
