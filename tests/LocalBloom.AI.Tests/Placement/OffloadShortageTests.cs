using System.Globalization;
using System.Text.RegularExpressions;

namespace LocalBloom.AI.Tests.Placement;

/// <summary>Where Offload does not fit, the message names settings with which it does.</summary>
public class OffloadShortageTests
{
    public static TheoryData<string, string?, string, int?, BloomNumberType> Misfits => new()
    {
        { "176b", "8GB", "80", null, BloomNumberType.Auto },
        { "176b", "8GB", "12", null, BloomNumberType.Auto }, // no limit makes it fit
        { "176b", null, "12", null, BloomNumberType.Auto },
        { "176b", null, "1", null, BloomNumberType.Auto },
        { "176b", "9GB", "24,14", null, BloomNumberType.Auto },
        { "176b", "2GB", "80,80,80,80", 4096, BloomNumberType.Auto },
        { "7b1", "1kB", "80", null, BloomNumberType.Float32 },
        { "7b1", null, "3", null, BloomNumberType.Auto },
        { "7b1", null, "8", 131_072, BloomNumberType.Auto },
        { "7b1", "6GB", "80,7", 100_000, BloomNumberType.Float32 },
        { "560m", "1GB", "24", null, BloomNumberType.Float32 },
        { "560m", "300MB", "24", null, BloomNumberType.BFloat16 },
    };

    [Theory]
    [MemberData(nameof(Misfits))]
    public void EachSettingThatIsNamed_MakesItFit(string shape, string? limit, string gigabytes, int? context, BloomNumberType type)
    {
        BloomChatClientOptions Options() => new() { Strategy = BloomStrategy.Offload, MemoryLimit = limit, MaxContextTokens = context, NumberType = type };
        var free = gigabytes.Split(',').Select((size, i) => ($"cuda:{i}", long.Parse(size, CultureInfo.InvariantCulture) * 1_000_000_000)).ToDictionary();

        string message = Assert.Throws<PlacementException>(() => BloomPlan.CreateForShape(shape, Options(), free)).Message;

        int named = 0;
        foreach ((string pattern, Action<BloomChatClientOptions, string> apply) in Settings)
        {
            if (Regex.Match(message, pattern, RegexOptions.IgnoreCase) is { Success: true } match)
            {
                BloomChatClientOptions options = Options();
                apply(options, match.Groups[1].Value);
                Assert.Equal(BloomStrategy.Offload, BloomPlan.CreateForShape(shape, options, free).Strategy);
                named++;
            }
        }

        if (Regex.Match(message, "so that ([0-9.]+ [GM]B) are free") is { Success: true } room && free.Count == 1)
        {
            Assert.True(ByteSize.TryParse(room.Groups[1].Value, out long bytes));
            BloomChatClientOptions options = Options();
            options.MemoryLimit = null;
            BloomPlan.CreateForShape(shape, options, new Dictionary<string, long> { ["cuda:0"] = bytes });
            named++;
        }

        Assert.True(named > 0, message);
    }

    [Fact]
    public void ALimitThatNoDeviceHas_IsNotNamed()
    {
        var options = new BloomChatClientOptions { Strategy = BloomStrategy.Offload, MemoryLimit = "8GB", MaxContextTokens = 16 };

        string message = Assert.Throws<PlacementException>(() => BloomPlan.CreateForShape("176b", options, new Dictionary<string, long> { ["cuda:0"] = 9_000_000_000 })).Message;

        Assert.StartsWith("MemoryLimit leaves 7.7 GB of cuda:0", message, StringComparison.Ordinal);
        Assert.DoesNotContain("set MemoryLimit", message, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Set WeightFormat to Int8", message, StringComparison.Ordinal);
    }

    private static (string Pattern, Action<BloomChatClientOptions, string> Apply)[] Settings =>
    [
        ("set MemoryLimit to (.+?) or more", (options, value) => options.MemoryLimit = value),
        ("set NumberType to (Float16)", (options, _) => options.NumberType = BloomNumberType.Float16),
        ("set WeightFormat to (Int8)", (options, _) => options.WeightFormat = BloomWeightFormat.Int8),
        ("lower MaxContextTokens to ([0-9]+)", (options, value) => options.MaxContextTokens = int.Parse(value, CultureInfo.InvariantCulture)),
        ("lower MaxConcurrentReplies to (1)", (options, _) => options.MaxConcurrentReplies = 1),
    ];
}
