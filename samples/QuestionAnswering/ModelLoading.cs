using Spectre.Console;

namespace LocalBloom.AI.Samples;

/// <summary>Loads a model while saying how far it has come: a bar on a terminal, a few lines elsewhere.</summary>
internal static class ModelLoading
{
    private const int LinesWhenPlain = 4;

    public static async Task LoadAsync(BloomEngine engine, bool quiet, CancellationToken cancellationToken)
    {
        if (quiet)
        {
            await engine.LoadAsync(null, cancellationToken);
        }
        else if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Ansi)
        {
            Console.WriteLine($"loading {engine.ModelId}");
            await engine.LoadAsync(new PlainProgress(), cancellationToken);
        }
        else
        {
            await LoadWithBarAsync(engine, cancellationToken);
        }
    }

    private static Task LoadWithBarAsync(BloomEngine engine, CancellationToken cancellationToken) =>
        AnsiConsole.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new DownloadedColumn(), new RemainingTimeColumn())
            .StartAsync(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape($"loading {engine.ModelId}"));
                return engine.LoadAsync(new BarProgress(task), cancellationToken);
            });

    private sealed class BarProgress(ProgressTask task) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value)
        {
            task.MaxValue = Math.Max(1, value.BytesTotal);
            task.Value = value.BytesLoaded;
        }
    }

    private sealed class PlainProgress : IProgress<LoadProgress>
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
                    Console.WriteLine($"loaded {value.BytesLoaded / 1e6:0.0} of {value.BytesTotal / 1e6:0.0} MB");
                }
            }
        }
    }
}
