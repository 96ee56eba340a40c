using Spectre.Console;

namespace LocalBloom.AI.Latency;

/// <summary>Prints a report for people: Markdown tables, which read well on a terminal, in a file and in a README.</summary>
internal static class ReportPrinter
{
    private const int WidthWhenRedirected = 240; // a row in two lines is no Markdown

    /// <summary>Gives tables their room in a file, which has no width of its own.</summary>
    public static void WidenWhereRedirected()
    {
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = WidthWhenRedirected;
        }
    }

    public static void Print(LatencyReport report)
    {
        WidenWhereRedirected();
        foreach (TargetReport target in report.Targets)
        {
            Console.WriteLine($"{target.Strategy}{(target.Devices.Count > 0 ? " on " : "")}{string.Join(", ", target.Devices)}");
            Console.WriteLine(target.Plan);
            Console.WriteLine($"input:  {target.Input}");
            Console.WriteLine($"output: {target.Output}");
            Console.WriteLine();
        }

        AnsiConsole.Write(Jobs(report));
        AnsiConsole.Write(Decoding(report));
        if (report.Targets.Any(target => target.PromptLengths.Count > 0))
        {
            AnsiConsole.Write(PromptLengths(report));
        }

        if (report.Targets.Any(target => target.Throughput.Count > 0))
        {
            AnsiConsole.Write(Throughput(report));
        }

        PrintStreaming(report);
        PrintMemory(report);
        PrintCircumstances(report);
    }

    private static Table Jobs(LatencyReport report)
    {
        Table table = NewTable(["strategy", "devices", "path"], ["tokens in", "new", "mean ± sd, ms", "P95, ms", "least, ms"]);
        foreach (TargetReport target in report.Targets)
        {
            foreach (JobReport job in target.Jobs)
            {
                LatencyStatistics s = job.Statistics;
                AddRow(table, target, job.Path, $"{job.PromptTokens}", Came(job.ActualTokens, job.NewTokens), $"{s.Mean:0.00} ± {s.StandardDeviation:0.00}", $"{s.P95:0.00}", $"{s.Minimum:0.00}");
            }

            if (!target.IsProjection && target.Jobs.All(job => job.Path == "engine"))
            {
                AddRow(table, target, "IChatClient", "–", "–", "no tokenizer: needs --model", "–", "–");
            }
        }

        return table;
    }

    private static Table Decoding(LatencyReport report)
    {
        Table table = NewTable(["strategy", "devices", "path"], ["decode, ms/token", "tokens/s", "weights, GB/s"]);
        foreach (TargetReport target in report.Targets)
        {
            foreach (DecodeReport decode in target.Decoding)
            {
                string rate = decode.WeightGigabytesPerSecond is { } gigabytes ? $"{gigabytes:0.0}" : "–";
                AddRow(table, target, decode.Path, $"{decode.MillisecondsPerToken:0.000}", $"{1000 / decode.MillisecondsPerToken:0.0}", rate);
            }
        }

        return table;
    }

    // By length, so that strategies stand below each other.
    private static Table PromptLengths(LatencyReport report)
    {
        Table table = NewTable(["strategy", "devices", "engine"], ["mean ± sd, ms", "P95, ms", "least, ms", "tokens in/s", "÷ first strategy"]);
        for (int i = 0; i < report.Targets[0].PromptLengths.Count; i++)
        {
            double first = report.Targets[0].PromptLengths[i].Statistics.Mean;
            foreach (TargetReport target in report.Targets)
            {
                JobReport job = target.PromptLengths[i];
                LatencyStatistics s = job.Statistics;
                AddRow(
                    table, target, $"{job.PromptTokens} tokens in, {job.NewTokens} out", $"{s.Mean:0.00} ± {s.StandardDeviation:0.00}", $"{s.P95:0.00}", $"{s.Minimum:0.00}",
                    $"{1000 * job.PromptTokens / s.Mean:0}", $"{s.Mean / first:0.00}");
            }
        }

        return table;
    }

    private static Table Throughput(LatencyReport report)
    {
        Table table = NewTable(
            ["strategy", "devices", "path"],
            ["callers", "tokens in", "new", "tokens/s, mean ± sd", "first token, ms (P95)", "per token, ms (P95)", "weights, GB/s"]);
        foreach (TargetReport target in report.Targets)
        {
            foreach (ThroughputReport job in target.Throughput)
            {
                LatencyStatistics rate = job.TokensPerSecond;
                string between = job.MillisecondsPerToken is { } gap ? $"{gap.Mean:0.00} ({gap.P95:0.00})" : "–";
                string weights = job.WeightGigabytesPerSecond is { } gigabytes ? $"{gigabytes:0.0}" : "–";
                AddRow(
                    table, target, job.Path, $"{job.Callers}", $"{job.PromptTokens}", Came(job.FewestTokens, job.NewTokens), $"{rate.Mean:0.0} ± {rate.StandardDeviation:0.0}",
                    $"{job.MillisecondsToFirst.Mean:0.0} ({job.MillisecondsToFirst.P95:0.0})", between, weights);
            }
        }

        return table;
    }

    private static string Came(int actual, int asked) => actual == asked ? $"{asked}" : $"{actual} of {asked}, ended early";

    private static void PrintStreaming(LatencyReport report)
    {
        foreach (TargetReport target in report.Targets.Where(target => target.StreamedBytes > 0))
        {
            double streamed = target.StreamedBytes / 1e6; // over milliseconds: GB/s
            IEnumerable<string> rates =
            [
                .. target.Jobs.Where(job => job.ActualTokens == 1).Select(job => $"{streamed / job.Statistics.Mean:0.0} GB/s with a prompt and 1 new token ({job.Path})"),
                .. target.Decoding.Select(decode => $"{streamed / decode.MillisecondsPerToken:0.0} GB/s with one more token ({decode.Path})"),
            ];
            string rate = target.HostToDeviceGigabytesPerSecond is { } pinned ? $"; pinned memory to the device in this run: {pinned:0.0} GB/s" : "";
            Console.WriteLine($"streamed, {target.Strategy}: {target.StreamedBytes / 1e9:0.000} GB a step, {string.Join(", ", rates)}{rate}");
        }
    }

    private static void PrintMemory(LatencyReport report)
    {
        foreach (TargetReport target in report.Targets)
        {
            string engine = string.Join(", ", target.DeviceBytes.Select(device => $"{device.Key} {device.Value / 1e9:0.000} GB"));
            string driver = target.GpuMemory.Count > 0 ? $"; in use on the GPUs {string.Join(", ", target.GpuMemory)}" : "";
            string most = string.Join(", ", target.MostTaken.Select(device => $"{device.Key} {device.Value / 1e9:0.000} GB"));
            if (most.Length > 0)
            {
                Console.WriteLine($"most taken at once, {target.Strategy}: {most}{(report.MemoryLimit is { } limit ? $", limit {limit}" : "")}");
            }

            Console.WriteLine($"memory after, {target.Strategy}: engine {engine}{driver}; process in RAM {target.WorkingSetBytes / 1e9:0.000} GB");
        }
    }

    private static void PrintCircumstances(LatencyReport report)
    {
        Machine machine = report.Machine;
        string gpus = machine.Gpus.Count > 0 ? string.Join(", ", machine.Gpus) : "no GPU found";
        string callers = report.Targets.Any(target => target.Throughput.Count > 0) ? $" (many callers: {report.CallerRepetition.Warmup}, {report.CallerRepetition.Runs})" : "";
        Console.WriteLine($"{report.Model}, {report.NumberType}; {report.Warmup} warm-ups, {report.Runs} runs{callers}; {report.Date:yyyy-MM-dd HH:mm} UTC");
        Console.WriteLine($"{machine.Cpu}, {machine.Cores} cores; {gpus}; {machine.System}");
        Console.WriteLine($"LocalBloom.AI {report.Versions.LocalBloom}, TorchSharp {report.Versions.TorchSharp}, {report.Versions.Runtime}");
    }

    private static Table NewTable(IEnumerable<string> words, IEnumerable<string> numbers)
    {
        Table table = new Table().Border(TableBorder.Markdown);
        foreach (string name in words)
        {
            table.AddColumn(name);
        }

        foreach (string name in numbers)
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        return table;
    }

    private static void AddRow(Table table, TargetReport target, params string[] cells)
    {
        string devices = target.Devices.Count > 0 ? string.Join(", ", target.Devices) : "engine's choice";
        table.AddRow([Markup.Escape(target.Strategy), Markup.Escape(devices), .. cells.Select(Markup.Escape)]);
    }
}
