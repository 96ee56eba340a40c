using System.Globalization;
using System.Text.RegularExpressions;
using LocalBloom.AI.Tests.Loading;

namespace LocalBloom.AI.Tests.Placement;

/// <summary>Where Offload does not fit, the message names settings with which it does.</summary>
public class OffloadShortageTests
{
    private const long GB = 1_000_000_000;

    private const string RoomPattern = "free memory there or take a larger device, so that ([0-9.]+ [kMG]?B) are free";

    public static TheoryData<string, string?, string, int?, int?, int?, BloomNumberType> Misfits => new()
    {
        { "176b", "8GB", "80", null, null, null, BloomNumberType.Auto },
        { "176b", "8GB", "12", null, null, null, BloomNumberType.Auto }, // no limit makes it fit
        { "176b", null, "12", null, null, null, BloomNumberType.Auto },
        { "176b", null, "1", null, null, null, BloomNumberType.Auto },
        { "176b", "9GB", "24,14", null, null, null, BloomNumberType.Auto },
        { "176b", "2GB", "80,80,80,80", 4096, null, null, BloomNumberType.Auto },
        { "7b1", "1kB", "80", null, null, null, BloomNumberType.Float32 },
        { "7b1", null, "3", null, null, null, BloomNumberType.Auto },
        { "7b1", null, "8", 131_072, null, null, BloomNumberType.Auto },
        { "7b1", null, "8", 131_072, 131_072, null, BloomNumberType.Auto }, // the cache stays when the context is lowered
        { "7b1", null, "8", 131_072, null, 20_000, BloomNumberType.Auto }, // the context must have room for more than a reply
        { "7b1", null, "8", 2048, 131_072, null, BloomNumberType.Auto },
        { "7b1", null, "6", 3000, 10_000, null, BloomNumberType.Auto },
        { "7b1", null, "20", 65_536, 131_072, null, BloomNumberType.Float32 },
        { "7b1", "6GB", "80,7", 100_000, null, null, BloomNumberType.Float32 },
        { "560m", "1GB", "24", null, null, null, BloomNumberType.Float32 },
        { "560m", "300MB", "24", null, null, null, BloomNumberType.BFloat16 },
    };

    [Theory]
    [MemberData(nameof(Misfits))]
    public void EachSettingThatIsNamed_MakesItFit(string shape, string? limit, string gigabytes, int? context, int? cache, int? output, BloomNumberType type)
    {
        BloomChatClientOptions Options() => new()
        {
            Strategy = BloomStrategy.Offload,
            MemoryLimit = limit,
            MaxContextTokens = context,
            CacheTokens = cache,
            MaxOutputTokens = output,
            NumberType = type,
        };
        var free = gigabytes.Split(',').Select((size, i) => ($"cuda:{i}", long.Parse(size, CultureInfo.InvariantCulture) * GB)).ToDictionary();

        CheckCures(Options, free, (options, devices) => BloomPlan.CreateForShape(shape, options, devices));
    }

    [Theory]
    [InlineData(8, 131_072, 131_072, "lower MaxContextTokens and CacheTokens to ")]
    [InlineData(8, 2048, 131_072, "lower CacheTokens to ")]
    [InlineData(8, 131_072, null, "lower MaxContextTokens to ")]
    public void TokensThatTakeTheRoom_AreNamed(int gigabytes, int context, int? cache, string cure)
    {
        var options = new BloomChatClientOptions { Strategy = BloomStrategy.Offload, MaxContextTokens = context, CacheTokens = cache };

        string message = Assert.Throws<PlacementException>(
            () => BloomPlan.CreateForShape("7b1", options, new Dictionary<string, long> { ["cuda:0"] = gigabytes * GB })).Message;

        Assert.Contains(CuresOf(message), named => named.StartsWith(cure, StringComparison.Ordinal));
    }

    // The matrices of layers alone would be int8: with the embedding they would fit into 4 GB.
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(4.2)]
    public void Int8_IsTriedAsItIsStored(double gigabytes)
    {
        using TemporaryFolder folder = new TemporaryFolder().Write("config.json", """
            {"model_type": "bloom", "vocab_size": 250880, "hidden_size": 4096, "n_layer": 30, "n_head": 32, "eos_token_id": 2, "pad_token_id": 3, "torch_dtype": "float16",
             "quantization_config": {"quant_method": "localbloom", "bits": 8, "modules_to_not_convert": ["lm_head", "word_embeddings"]}}
            """);
        BloomChatClientOptions Options() => new() { Model = folder.Path, Strategy = BloomStrategy.Offload, WeightFormat = BloomWeightFormat.Dense };

        CheckCures(Options, new() { ["cuda:0"] = (long)(gigabytes * GB) }, (options, devices) => BloomPlan.Create(options, devices));
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

    private static void CheckCures(
        Func<BloomChatClientOptions> newOptions, Dictionary<string, long> free, Func<BloomChatClientOptions, Dictionary<string, long>, BloomPlan> plan)
    {
        string message = Assert.Throws<PlacementException>(() => plan(newOptions(), free)).Message;
        string[] cures = CuresOf(message);

        Assert.NotEmpty(cures);
        foreach (string cure in cures)
        {
            BloomChatClientOptions options = newOptions();
            if (Match(cure, RoomPattern) is { } room)
            {
                Assert.True(ByteSize.TryParse(room, out long bytes));
                if (free.Count == 1) // of several, others may be too small as well
                {
                    options.MemoryLimit = null;
                    plan(options, new() { ["cuda:0"] = bytes });
                }

                continue;
            }

            (string value, Action<BloomChatClientOptions, string> apply) = Assert.Single(
                Settings.Select(setting => (Value: Match(cure, setting.Pattern)!, setting.Apply)), setting => setting.Value is not null);
            apply(options, value);
            Assert.Equal(BloomStrategy.Offload, plan(options, free).Strategy);
        }
    }

    // The last sentence; only the first cure may have a comma of its own.
    private static string[] CuresOf(string message)
    {
        string sentence = Regex.Match(message, @"buffers [0-9.]+ [kMG]?B\. (.+)\.$").Groups[1].Value;
        return Regex.Split(char.ToLowerInvariant(sentence[0]) + sentence[1..], "(?:, or |, (?!so that))");
    }

    private static string? Match(string cure, string pattern) => Regex.Match(cure, $"^{pattern}$") is { Success: true } match ? match.Groups[1].Value : null;

    private static (string Pattern, Action<BloomChatClientOptions, string> Apply)[] Settings =>
    [
        ("set MemoryLimit to (.+?) or more", (options, value) => options.MemoryLimit = value),
        ("set NumberType to (Float16)", (options, _) => options.NumberType = BloomNumberType.Float16),
        ("set WeightFormat to (Int8)", (options, _) => options.WeightFormat = BloomWeightFormat.Int8),
        ("lower MaxContextTokens to ([0-9]+)", (options, value) => options.MaxContextTokens = int.Parse(value, CultureInfo.InvariantCulture)),
        ("lower MaxContextTokens and CacheTokens to ([0-9]+)", (options, value) => options.MaxContextTokens = options.CacheTokens = int.Parse(value, CultureInfo.InvariantCulture)),
        ("lower CacheTokens to ([0-9]+)", (options, value) => options.CacheTokens = int.Parse(value, CultureInfo.InvariantCulture)),
        ("lower MaxConcurrentReplies to (1)", (options, _) => options.MaxConcurrentReplies = 1),
    ];
}
