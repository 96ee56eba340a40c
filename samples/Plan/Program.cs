using System.Globalization;
using LocalBloom.AI;
using LocalBloom.AI.Samples;
using Spectre.Console;

using CancellationTokenSource cancellation = Terminal.Open();

try
{
    if (PlanArguments.Parse(args) is not { } arguments)
    {
        Console.WriteLine(PlanArguments.Help);
        return 0;
    }

    BloomPlan plan = arguments.Shape is { } shape
        ? BloomPlan.CreateForShape(shape, arguments.Options, arguments.FreeBytes)
        : BloomPlan.Create(arguments.Options, arguments.FreeBytes);
    Console.WriteLine(plan.ToString().Split('\n', 2)[0].TrimEnd());
    AnsiConsole.Write(Table(plan));
    return 0;
}
catch (Exception e)
{
    return Failure.Tell(e, cancellation.Token);
}

static Table Table(BloomPlan plan)
{
    bool isStreamed = plan.Devices.Any(device => device.StreamedLayerCount > 0);
    var table = new Table { Border = TableBorder.Rounded, Caption = new TableTitle(isStreamed ? "memory in GB; streamed: layers, and their memory on the host" : "memory in GB") };
    table.AddColumn(new TableColumn("device").NoWrap());
    table.AddColumn(new TableColumn("layers").NoWrap());
    foreach (string column in (string[])[.. isStreamed ? ["streamed"] : Array.Empty<string>(), "weights", "cache", "buffers", "free", "taken"])
    {
        table.AddColumn(new TableColumn(column).RightAligned().NoWrap());
    }

    foreach (BloomPlanDevice device in plan.Devices)
    {
        string layers = string.Create(CultureInfo.InvariantCulture, $"{device.FirstLayer}–{device.FirstLayer + device.LayerCount - 1}{(device.HasEnds ? " + ends" : "")}");
        string streamed = string.Create(CultureInfo.InvariantCulture, $"{device.StreamedLayerCount}: {Gigabytes(device.HostBytes)}");
        table.AddRow(
            [device.Device.EscapeMarkup(), layers, .. isStreamed ? [streamed] : Array.Empty<string>(), Gigabytes(device.WeightBytes), Gigabytes(device.CacheBytes),
            Gigabytes(device.BufferBytes + device.TemporaryBytes), Gigabytes(device.FreeBytes),
            string.Create(CultureInfo.InvariantCulture, $"{100.0 * device.TotalBytes / device.FreeBytes:0} %")]);
    }

    return table;
}

static string Gigabytes(long bytes) => (bytes / 1e9).ToString("0.00", CultureInfo.InvariantCulture);
