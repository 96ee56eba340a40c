using System.Diagnostics.Metrics;
using System.Reflection;
using System.Text.RegularExpressions;
using LocalBloom.AI.Diagnostics;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Tests.Diagnostics;

/// <summary>Holds the tables of docs/observability.md against the code.</summary>
public class ObservabilityTableTests
{
    private static readonly (string Name, LoggerMessageAttribute Event)[] s_events =
    [
        .. typeof(BloomEngine).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(method => (method.Name, Event: method.GetCustomAttribute<LoggerMessageAttribute>()!))
            .Where(method => method.Event is not null),
    ];

    [Fact]
    public void EventIds_AreTheListsOwn_EachUsedOnce_UnderItsName() =>
        Assert.Equal(
            typeof(LogEventIds).GetFields().Select(field => (field.Name, Id: (int)field.GetRawConstantValue()!)).OrderBy(field => field.Id),
            s_events.Select(method => (method.Name, Id: method.Event.EventId)).OrderBy(method => method.Id));

    [Fact]
    public void EventIds_AreUnique() => Assert.Equal(s_events.Length, s_events.Select(method => method.Event.EventId).Distinct().Count());

    [Fact]
    public void Events_AreDocumented() =>
        Assert.Equal(
            s_events.Select(method => $"{method.Event.EventId} {method.Name} {method.Event.Level}").Order(StringComparer.Ordinal),
            ReadTable("| id | event | level | when |").Select(cells => $"{cells[0]} {cells[1]} {cells[2]}").Order(StringComparer.Ordinal));

    [Fact]
    public void OnlyTraceHasPlacesForTexts() =>
        Assert.Equal(
            [LogEventIds.Prompt, LogEventIds.Reply],
            s_events.Where(method => Regex.IsMatch(method.Event.Message, @"\{(Prompt|Reply|Text|Content)\}")).Select(method => method.Event.EventId).Order());

    [Fact]
    public void Instruments_AreDocumented_AndFollowTheConventions()
    {
        using var watched = new WatchedEngine();

        Instrument[] instruments = [.. watched.Meter.Instruments];

        Assert.All(instruments, instrument => Assert.Matches(@"^localbloom(\.[a-z]+(_[a-z]+)*)+$", instrument.Name));
        Assert.All(instruments, instrument => Assert.False(string.IsNullOrEmpty(instrument.Description)));
        Assert.Equal(
            instruments.Select(instrument => $"{instrument.Name} {Kind(instrument)} {instrument.Unit}").Order(StringComparer.Ordinal),
            ReadTable("| instrument | kind | unit | what |").Select(cells => $"{cells[0]} {cells[1]} {cells[2]}").Order(StringComparer.Ordinal));
    }

    private static string Kind(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Counter" => "counter",
        "Histogram" => "histogram",
        "ObservableGauge" => "gauge",
        "ObservableUpDownCounter" => "up-down counter",
        string other => other,
    };

    private static IEnumerable<string[]> ReadTable(string head)
    {
        string? document = Find("docs", "observability.md");
        Assert.SkipWhen(document is null, "docs/observability.md is not above the executable");
        string[] lines = File.ReadAllLines(document);
        int start = Array.IndexOf(lines, head);
        Assert.True(start >= 0, $"{document} has no table with the head {head}");
        return lines.Skip(start + 2).TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim().Trim('`')).ToArray());
    }

    private static string? Find(params string[] path)
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string file = Path.Combine([folder, .. path]);
            if (File.Exists(file))
            {
                return file;
            }
        }

        return null;
    }
}
