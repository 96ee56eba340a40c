using System.Text.RegularExpressions;
using LocalBloom.AI.Testing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace LocalBloom.AI.Tests.Placement;

/// <summary>A limit under which a model does not fit whose weights all stay: what is said, and that what is said helps.</summary>
public class ResidentShortageTests
{
    private static readonly Dictionary<string, long> s_gpus = new() { ["cuda:0"] = 80_000_000_000, ["cuda:1"] = 80_000_000_000 };

    [Theory]
    [InlineData(BloomStrategy.SingleDevice, "8GB")]
    [InlineData(BloomStrategy.LayerSplit, "6GB")]
    [InlineData(BloomStrategy.TensorParallel, "6GB")]
    public void EachSettingThatIsNamed_MakesItFit(BloomStrategy strategy, string limit)
    {
        string message = Assert.Throws<PlacementException>(() => Plan(strategy, limit)).Message;
        string told = Told(message);

        Assert.StartsWith("MemoryLimit leaves ", message, StringComparison.Ordinal);
        Assert.Equal(strategy is BloomStrategy.TensorParallel, message.Contains("TensorParallel streams no layers", StringComparison.Ordinal));
        BloomPlan plan = Plan(strategy, told);
        Assert.True(ByteSize.TryParse(told, out long bytes));
        Assert.All(plan.Devices, device => Assert.InRange(device.TotalBytes, 1, bytes));
        if (strategy is BloomStrategy.TensorParallel) // its slices are the same under any limit
        {
            Assert.Throws<PlacementException>(() => Plan(strategy, $"{bytes - 20_000_000}B"));
        }

        AssertNamedOnlyIfItFits(message, "set WeightFormat to Int8", () => Plan(strategy, limit, BloomWeightFormat.Int8));
        AssertNamedOnlyIfItFits(message, "set Strategy to Offload", () => Plan(BloomStrategy.Offload, limit));
    }

    // A limit that no device has is not named.
    [Fact]
    public void ModelThatIsTooLargeWithoutALimit_IsNotHelpedByAnother()
    {
        var options = new BloomChatClientOptions { Strategy = BloomStrategy.TensorParallel, MemoryLimit = "70GB" };

        string message = Assert.Throws<PlacementException>(() => BloomPlan.CreateForShape("176b", options, s_gpus)).Message;

        Assert.DoesNotContain("MemoryLimit to", message, StringComparison.OrdinalIgnoreCase);
        Assert.EndsWith("TensorParallel streams no layers: all ranks would wait for each other's copies. Set Strategy to Offload.", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TensorParallel, Offload")]
    [InlineData("Offload,TensorParallel")]
    public void TensorParallelWithOffload_IsRefusedWithTheReason_WhenTheClientIsCreated(string strategies)
    {
        using ServiceProvider provider = Provider(("Strategy", strategies), ("MemoryLimit", "8GB"));

        string message = Assert.Throws<InvalidOperationException>(() => provider.GetRequiredService<IChatClient>()).Message;

        Assert.Equal(
            $"The configuration value 'Bloom:Strategy' is '{strategies}', but must be one of {string.Join(", ", Enum.GetNames<BloomStrategy>())}. " +
            "TensorParallel streams no layers, so that it does not go with Offload; Int8 goes with every strategy as WeightFormat.",
            message);
    }

    [Fact]
    public void MapOfOffload_WithTensorParallel_IsRefused_WhenTheClientIsCreated()
    {
        using ServiceProvider provider = Provider(("Model", "m"), ("Strategy", "TensorParallel"), ("Devices:0", "cpu#0"), ("Devices:1", "cpu#1"), ("LayerMap", "cpu#0=1,cpu#1=1"));

        var error = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IChatClient>());

        Assert.Contains("is for LayerSplit and Offload, but Strategy is TensorParallel", Assert.Single(error.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public async Task LimitOfTensorParallel_FromConfiguration_IsKept_AndOneTooSmallNamesOneThatFits()
    {
        string message;
        await using (ServiceProvider provider = Provider("20kB"))
        {
            message = (await Assert.ThrowsAsync<PlacementException>(() => Ask(provider))).Message;
        }

        Assert.Contains("TensorParallel streams no layers", message, StringComparison.Ordinal);
        string told = Told(message);
        Assert.True(ByteSize.TryParse(told, out long bytes));
        await using ServiceProvider fitting = Provider(told);

        Assert.Equal(4, (await Ask(fitting)).Usage?.OutputTokenCount);
        BloomEngine engine = fitting.GetRequiredService<BloomEngine>();
        Assert.StartsWith("TensorParallel", engine.DescribePlan(), StringComparison.Ordinal);
        Assert.InRange(engine.DeviceMemory.Values.Sum(), 1, bytes);

        static ServiceProvider Provider(string limit) => ResidentShortageTests.Provider(
            ("Model", Golden.Model("safetensors-f32")), ("Strategy", "TensorParallel"), ("Devices:0", "cpu#0"), ("Devices:1", "cpu#1"), ("MaxContextTokens", "64"),
            ("MemoryLimit", limit));

        static Task<ChatResponse> Ask(ServiceProvider provider) =>
            provider.GetRequiredService<IChatClient>().GetResponseAsync("Hello", new ChatOptions { MaxOutputTokens = 4 }, TestContext.Current.CancellationToken);
    }

    private static BloomPlan Plan(BloomStrategy strategy, string limit, BloomWeightFormat format = BloomWeightFormat.Auto) => BloomPlan.CreateForShape(
        "7b1", new BloomChatClientOptions { Strategy = strategy, MemoryLimit = limit, WeightFormat = format, Devices = strategy is BloomStrategy.SingleDevice ? ["cuda:0"] : [] }, s_gpus);

    private static string Told(string message) => Regex.Match(message, "Set MemoryLimit to (.+?) or more").Groups[1].Value;

    private static void AssertNamedOnlyIfItFits(string message, string setting, Func<BloomPlan> plan)
    {
        if (message.Contains(setting, StringComparison.OrdinalIgnoreCase))
        {
            _ = plan();
        }
    }

    private static ServiceProvider Provider(params (string Key, string Value)[] values)
    {
        IConfiguration configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(values.Select(pair => KeyValuePair.Create<string, string?>($"Bloom:{pair.Key}", pair.Value))).Build();
        var services = new ServiceCollection();
        services.AddBloomChatClient(configuration.GetSection("Bloom"));
        return services.BuildServiceProvider();
    }
}
