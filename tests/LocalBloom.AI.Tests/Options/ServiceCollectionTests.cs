using LocalBloom.AI.Tests.Chat;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace LocalBloom.AI.Tests.Options;

public class ServiceCollectionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Client_Unkeyed_IsASingletonOverTheContainersEngine()
    {
        var services = new ServiceCollection();
        services.AddBloomChatClient(o => o.Model = "test/bloom").UseFunctionInvocation().UseOpenTelemetry();
        using ServiceProvider provider = services.BuildServiceProvider();

        IChatClient client = provider.GetRequiredService<IChatClient>();

        Assert.Same(client, provider.GetRequiredService<IChatClient>());
        Assert.Same(provider.GetRequiredService<BloomEngine>(), client.GetService<BloomEngine>());
        Assert.NotNull(client.GetService<FunctionInvokingChatClient>());
        Assert.Equal("test/bloom", client.GetService<ChatClientMetadata>()?.DefaultModelId);
    }

    [Fact]
    public void Clients_Keyed_HaveTheirOwnEnginesAndOptions()
    {
        var services = new ServiceCollection();
        services.AddBloomChatClient("qa", o => o.Model = "test/a");
        services.AddBloomChatClient("chat", o => o.Model = "test/b");
        using ServiceProvider provider = services.BuildServiceProvider();

        IChatClient qa = provider.GetRequiredKeyedService<IChatClient>("qa");
        IChatClient chat = provider.GetRequiredKeyedService<IChatClient>("chat");

        Assert.Equal("test/a", qa.GetService<ChatClientMetadata>()?.DefaultModelId);
        Assert.Equal("test/b", chat.GetService<ChatClientMetadata>()?.DefaultModelId);
        Assert.Same(provider.GetRequiredKeyedService<BloomEngine>("qa"), qa.GetService<BloomEngine>());
        Assert.NotSame(qa.GetService<BloomEngine>(), chat.GetService<BloomEngine>());
        Assert.Null(provider.GetService<IChatClient>());
        Assert.Null(provider.GetService<BloomEngine>());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("qa")]
    public void Options_AreBoundFromASection(string? key)
    {
        IConfigurationSection section = Section(
            ("Model", "test/bloom"), ("Strategy", "layersplit"), ("Devices:0", "cpu#0"), ("Devices:1", "cpu#1"), ("LayerMap", "cpu#0=1,cpu#1=2"),
            ("NumberType", "Float32"), ("MemoryLimit", "8GB"), ("MaxContextTokens", "512"), ("MaxOutputTokens", "64"), ("LibTorchPath", Path.GetTempPath()));
        using ServiceProvider provider = Build(key, section);

        BloomChatClientOptions options = OptionsOf(provider, key);

        Assert.Equal("test/bloom", options.Model);
        Assert.Equal(BloomStrategy.LayerSplit, options.Strategy);
        Assert.Equal(["cpu#0", "cpu#1"], options.Devices);
        Assert.Equal("cpu#0=1,cpu#1=2", options.LayerMap);
        Assert.Equal(BloomNumberType.Float32, options.NumberType);
        Assert.Equal("8GB", options.MemoryLimit);
        Assert.Equal(512, options.MaxContextTokens);
        Assert.Equal(64, options.MaxOutputTokens);
        Assert.Equal(Path.GetTempPath(), options.LibTorchPath);
        Assert.NotNull(provider.GetKeyedService<IChatClient>(key));
    }

    [Theory]
    [InlineData("Strategy", "Turbo", "LayerSplit")]
    [InlineData("NumberType", "Float8", "BFloat16")]
    [InlineData("Modle", "m", "Options are Model")]
    [InlineData("MaxContextTokens", "many", "MaxContextTokens")]
    public void Section_WithAMistake_SaysWhatThereIs(string key, string value, string expected)
    {
        using ServiceProvider provider = Build("qa", Section(("Model", "m"), (key, value)));

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => OptionsOf(provider, "qa"));

        Assert.Contains(key, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Devices", "cpu#0", "the text 'cpu#0'", "a list", "Bloom__Devices__0")]
    [InlineData("Devices:a", "cpu", "the key 'a'", "a list", "Bloom__Devices__0")]
    [InlineData("Devices:-1", "cpu", "the key '-1'", "a list", "Bloom__Devices__0")]
    [InlineData("Devices:0:x", "cpu", "a section with 'x'", "a text", "Give the value itself")]
    [InlineData("Model:x", "1", "a section with 'x'", "a single value", "Give the value itself")]
    [InlineData("Model:x", null, "a section with 'x'", "a single value", "Give the value itself")]
    [InlineData("Strategy:0", "Auto", "a section with '0'", "a single value", "Give the value itself")]
    [InlineData("RequestTimeout", "30", "'30'", "a time as hours:minutes:seconds", "00:00:30")]
    [InlineData("RequestTimeout", "1.5", "'1.5'", "a time as hours:minutes:seconds", "00:00:30")]
    public void Section_WithAValueOfAnotherShape_SaysWhatIsExpected(string key, string? value, string found, string expected, string cure)
    {
        using ServiceProvider provider = Build(null, Section(("MaxOutputTokens", "5"), (key, value)));

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => OptionsOf(provider, ""));

        Assert.Contains($"'Bloom:{key.Split(':')[0]}", error.Message, StringComparison.Ordinal);
        Assert.Contains(found, error.Message, StringComparison.Ordinal);
        Assert.Contains($"but must be {expected}.", error.Message, StringComparison.Ordinal);
        Assert.Contains(cure, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Bloom:Model", "m", "Blom", "'Blom' is missing or empty")]
    [InlineData("Bloom", "bigscience/bloomz-560m", "Bloom", "'Bloom' is the text 'bigscience/bloomz-560m'")]
    [InlineData("AI:Bloom", "m", "AI:Bloom", "AI__Bloom__Model")]
    public void Section_ThatIsNone_SaysWhatIsExpected(string key, string value, string path, string expected)
    {
        using ServiceProvider provider = Build("qa", Configuration((key, value)).GetSection(path));

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => OptionsOf(provider, "qa"));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains("options", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Section_FromJson_IsBound()
    {
        using var json = new MemoryStream("""
            { "Bloom": { "Model": "m", "Devices": ["cpu#0", "cpu#1"], "RequestTimeout": "00:00:30", "WarmUp": true, "LayerMap": null, "MaxOutputTokens": 5 }, "All": { "Model": "m", "Devices": [] } }
            """u8.ToArray());
        IConfiguration configuration = new ConfigurationBuilder().AddJsonStream(json).Build();
        using ServiceProvider provider = Build(null, configuration.GetSection("Bloom"));
        using ServiceProvider all = Build(null, configuration.GetSection("All"));

        BloomChatClientOptions options = OptionsOf(provider, "");

        Assert.Equal(["cpu#0", "cpu#1"], options.Devices);
        Assert.Equal(TimeSpan.FromSeconds(30), options.RequestTimeout);
        Assert.True(options.WarmUp);
        Assert.Equal(5, options.MaxOutputTokens);
        Assert.Null(options.LayerMap);
        Assert.Empty(OptionsOf(all, "").Devices);
    }

    [Fact]
    public void Section_FromEnvironmentVariables_IsBound()
    {
        string prefix = $"LOCALBLOOM_TEST_{Guid.NewGuid():N}_";
        (string Name, string Value)[] variables = [("Bloom__Model", "m"), ("Bloom__Devices__0", "cpu#0"), ("Bloom__Devices__1", "cpu#1"), ("Bloom__RequestTimeout", "1.00:00:00")];
        Array.ForEach(variables, variable => Environment.SetEnvironmentVariable(prefix + variable.Name, variable.Value));
        try
        {
            using ServiceProvider provider = Build(null, new ConfigurationBuilder().AddEnvironmentVariables(prefix).Build().GetSection("Bloom"));
            BloomChatClientOptions options = OptionsOf(provider, "");

            Assert.Equal(["cpu#0", "cpu#1"], options.Devices);
            Assert.Equal(TimeSpan.FromDays(1), options.RequestTimeout);
        }
        finally
        {
            Array.ForEach(variables, variable => Environment.SetEnvironmentVariable(prefix + variable.Name, null));
        }
    }

    [Fact]
    public void Template_IsBoundByName()
    {
        using ServiceProvider provider = Build("qa", Section(("Model", "m"), ("PromptTemplate", "Dialogue")));

        Assert.Same(PromptTemplate.Dialogue, OptionsOf(provider, "qa").PromptTemplate);
    }

    [Fact]
    public void Section_WithAKeyThatIsNoOption_Throws()
    {
        using ServiceProvider provider = Build("qa", Section(("Model", "m"), ("Modell", "n")));

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => OptionsOf(provider, "qa"));

        Assert.Contains("'Modell'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("qa")]
    public async Task Host_WithOptionsThatCannotWork_DoesNotStart(string? key)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(settings: null);
        void Configure(BloomChatClientOptions options) => (options.Model, options.Devices) = ("m", ["gpu"]);
        _ = key is null ? builder.Services.AddBloomChatClient(Configure) : builder.Services.AddBloomChatClient(key, Configure);
        using IHost host = builder.Build();

        OptionsValidationException error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));

        Assert.Contains("'gpu' is no device", Assert.Single(error.Failures), StringComparison.Ordinal);
        Assert.Equal(key ?? "", error.OptionsName);
    }

    [Fact]
    public void Validators_AreRegisteredOnce()
    {
        var services = new ServiceCollection();
        services.AddBloomChatClient(o => o.Model = "a");
        services.AddBloomChatClient("qa", o => o.Model = "b");
        services.AddBloomChatClient("chat", o => o.Model = "c");
        using ServiceProvider provider = services.BuildServiceProvider();

        Assert.Equal(2, provider.GetServices<IValidateOptions<BloomChatClientOptions>>().Count());
    }

    [Fact]
    public async Task Container_DisposesTheEngine_TheClientDoesNot()
    {
        var services = new ServiceCollection();
        services.AddBloomChatClient("qa", o => o.Model = "/no/such/model").UseFunctionInvocation();
        ServiceProvider provider = services.BuildServiceProvider();
        BloomEngine engine = provider.GetRequiredKeyedService<BloomEngine>("qa");

        provider.GetRequiredKeyedService<IChatClient>("qa").Dispose();
        Assert.IsNotType<ObjectDisposedException>(await Record.ExceptionAsync(() => engine.LoadAsync(cancellationToken: Token)));

        await provider.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.LoadAsync(cancellationToken: Token));
    }

    [Fact]
    public async Task Client_LogsToTheContainersFactory()
    {
        using var log = new RecordingLoggerFactory();
        var services = new ServiceCollection();
        services.AddSingleton<ILoggerFactory>(log);
        services.AddBloomChatClient(o => o.Model = "/no/such/model");
        using ServiceProvider provider = services.BuildServiceProvider();
        var options = new ChatOptions { AdditionalProperties = new() { ["top_a"] = 1 } };

        await Record.ExceptionAsync(() => provider.GetRequiredService<IChatClient>().GetResponseAsync("Hi", options, Token));

        Assert.Contains(log.Entries, entry => entry.Text.Contains("top_a", StringComparison.Ordinal));
    }

    [Fact]
    public void Arguments_Null_Throw()
    {
        var services = new ServiceCollection();

        Assert.Throws<ArgumentNullException>("configure", () => services.AddBloomChatClient((Action<BloomChatClientOptions>)null!));
        Assert.Throws<ArgumentNullException>("section", () => services.AddBloomChatClient((IConfigurationSection)null!));
        Assert.Throws<ArgumentNullException>("serviceKey", () => services.AddBloomChatClient(null!, _ => { }));
        Assert.Throws<ArgumentException>("serviceKey", () => services.AddBloomChatClient("", _ => { }));
    }

    private static ServiceProvider Build(string? key, IConfigurationSection section)
    {
        var services = new ServiceCollection();
        _ = key is null ? services.AddBloomChatClient(section) : services.AddBloomChatClient(key, section);
        return services.BuildServiceProvider();
    }

    private static BloomChatClientOptions OptionsOf(ServiceProvider provider, string? key) =>
        provider.GetRequiredService<IOptionsMonitor<BloomChatClientOptions>>().Get(key);

    private static IConfigurationSection Section(params (string Key, string? Value)[] values) =>
        Configuration([.. values.Select(pair => ($"Bloom:{pair.Key}", pair.Value))]).GetSection("Bloom");

    private static IConfiguration Configuration(params (string Key, string? Value)[] values) =>
        new ConfigurationBuilder().AddInMemoryCollection(values.Select(pair => KeyValuePair.Create(pair.Key, pair.Value))).Build();
}
