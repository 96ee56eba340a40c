using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using LocalBloom.AI;
using LocalBloom.AI.Latency;
using LocalBloom.AI.Samples;
using Microsoft.Extensions.Options;

using CancellationTokenSource cancellation = Terminal.Open();

try
{
    if (LatencyArguments.Parse(args) is not { } arguments)
    {
        Console.WriteLine(LatencyArguments.Help);
        return 0;
    }

    if (arguments.Kernels)
    {
        KernelProtocol.Run(arguments.Shape!, cancellation.Token);
        return 0;
    }

    if (arguments.JsonFile is { } wanted)
    {
        OutputFile.RequireWritable(wanted);
    }

    var protocol = new LatencyProtocol(arguments);
    var targets = new List<TargetReport>();
    foreach (Target target in arguments.Targets)
    {
        Console.Error.WriteLine($"measuring {target.Name} {string.Join(',', target.Computing)}");
        targets.Add(await protocol.MeasureAsync(target, cancellation.Token));
    }

    var report = new LatencyReport(
        arguments.Model ?? $"random weights of shape {arguments.Shape}",
        DateTimeOffset.UtcNow,
        Machine.Describe(),
        new Versions(VersionOf(typeof(BloomEngine)), VersionOf(typeof(TorchSharp.torch)), RuntimeInformation.FrameworkDescription),
        arguments.NumberType.ToString(),
        arguments.MemoryLimit,
        arguments.Repetition.Warmup,
        arguments.Repetition.Runs,
        arguments.CallerRepetition,
        targets);
    ReportPrinter.Print(report);
    if (arguments.JsonFile is { } file)
    {
        var format = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            WriteIndented = true,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // a file for people and scripts, not for a web page
        };
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(report, format) + "\n", cancellation.Token);
    }

    return 0;
}
catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
{
    Console.Error.WriteLine("cancelled");
    return 130;
}
catch (Exception e) when (e is UsageException or OptionsValidationException)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
catch (Exception e) when (e is LocalBloomException or ArgumentException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

static string VersionOf(Type type) =>
    type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? type.Assembly.GetName().Version?.ToString() ?? "unknown";
