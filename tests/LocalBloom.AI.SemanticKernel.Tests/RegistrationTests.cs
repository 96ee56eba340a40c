using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.SemanticKernel;
using Microsoft.SemanticKernel.ChatCompletion;
using Microsoft.SemanticKernel.TextGeneration;

namespace LocalBloom.AI.SemanticKernel.Tests;

/// <summary>What the registrations put into a container, and who owns it.</summary>
public sealed class RegistrationTests
{
    private static readonly Action<BloomChatClientOptions> s_options = static options => options.Devices = ["cpu"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void EachMethod_ReturnsItsReceiver()
    {
        IKernelBuilder builder = Kernel.CreateBuilder();
        Assert.Same(builder, builder.AddBloomChatCompletion(s_options));
        Assert.Same(builder, builder.AddBloomChatClient(s_options));
        Assert.Same(builder, builder.AddBloomTextGeneration(s_options));

        IServiceCollection services = new ServiceCollection();
        Assert.Same(services, services.AddBloomChatCompletion(s_options, "id"));
        Assert.Same(services, services.AddBloomChatClient(s_options, "id"));
        Assert.Same(services, services.AddBloomTextGeneration(s_options, "id"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("bloom")]
    public void OneServiceId_IsOneEngine(string? serviceId)
    {
        using ServiceProvider provider = new ServiceCollection()
            .AddBloomChatCompletion(s_options, serviceId)
            .AddBloomChatClient(options => options.MaxContextTokens = 512, serviceId)
            .AddBloomTextGeneration(serviceId: serviceId)
            .BuildServiceProvider();

        var client = provider.GetRequiredKeyedService<IChatClient>(serviceId);
        var engine = provider.GetRequiredKeyedService<BloomEngine>(serviceId);

        Assert.Same(engine, client.GetService<BloomEngine>());
        Assert.Same(client, provider.GetRequiredKeyedService<IChatClient>(serviceId));
        Assert.NotNull(provider.GetRequiredKeyedService<IChatCompletionService>(serviceId));
        Assert.NotNull(provider.GetRequiredKeyedService<ITextGenerationService>(serviceId));
        BloomChatClientOptions options = provider.GetRequiredService<IOptionsMonitor<BloomChatClientOptions>>().Get(serviceId ?? Options.DefaultName);
        Assert.Equal(["cpu"], options.Devices);
        Assert.Equal(512, options.MaxContextTokens);
    }

    [Fact]
    public void TwoServiceIds_AreTwoEngines_AndNoneWithoutAKey()
    {
        Kernel kernel = Kernel.CreateBuilder().AddBloomChatCompletion(s_options, "first").AddBloomChatCompletion(s_options, serviceId: "second").Build();
        using var provider = (ServiceProvider)kernel.Services;

        Assert.NotSame(provider.GetRequiredKeyedService<BloomEngine>("first"), provider.GetRequiredKeyedService<BloomEngine>("second"));
        Assert.NotSame(kernel.GetRequiredService<IChatCompletionService>("first"), kernel.GetRequiredService<IChatCompletionService>("second"));
        Assert.Null(provider.GetService<BloomEngine>());
        Assert.Null(provider.GetService<IChatCompletionService>());
    }

    [Fact]
    public void TheSameServiceTwice_IsRefused()
    {
        IKernelBuilder builder = Kernel.CreateBuilder().AddBloomChatCompletion().AddBloomChatClient(serviceId: "id").AddBloomTextGeneration();

        Assert.Contains("without a service id", Assert.Throws<InvalidOperationException>(() => builder.AddBloomChatCompletion()).Message, StringComparison.Ordinal);
        Assert.Contains("'id'", Assert.Throws<InvalidOperationException>(() => builder.AddBloomChatClient(serviceId: "id")).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => builder.AddBloomTextGeneration());
        Assert.Throws<ArgumentException>(() => builder.AddBloomTextGeneration(serviceId: ""));
    }

    [Fact]
    public void CoresClient_LendsItsEngine()
    {
        using ServiceProvider provider = BothNamespaces.OfTheCore(s_options).AddBloomChatCompletion().BuildServiceProvider();

        Assert.Single(provider.GetServices<BloomEngine>());
        Assert.Single(provider.GetServices<IChatClient>());
        Assert.NotNull(provider.GetService<IChatCompletionService>());
    }

    [Fact]
    public void WithBothNamespaces_BothRegistrationsCanBeMeant()
    {
        using ServiceProvider core = BothNamespaces.OfTheCore(s_options).BuildServiceProvider();
        using ServiceProvider kernel = BothNamespaces.OfTheKernel(s_options).BuildServiceProvider();
        using ServiceProvider keyed = BothNamespaces.OfTheKernel(s_options, "id").BuildServiceProvider();

        Assert.Null(core.GetRequiredService<IChatClient>().GetService<FunctionInvokingChatClient>());
        Assert.NotNull(kernel.GetRequiredService<IChatClient>().GetService<FunctionInvokingChatClient>());
        Assert.NotNull(keyed.GetRequiredKeyedService<IChatClient>("id").GetService<FunctionInvokingChatClient>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Pipeline_LogsWhereThereIsALoggerFactory(bool logs)
    {
        IServiceCollection services = new ServiceCollection().AddBloomChatClient(s_options, "id");
        if (logs)
        {
            services.AddSingleton<ILoggerFactory>(new SilentLoggerFactory());
        }

        using ServiceProvider provider = services.BuildServiceProvider();
        var client = provider.GetRequiredKeyedService<IChatClient>("id");

        Assert.Equal(logs, client.GetService<LoggingChatClient>() is not null);
        Assert.NotNull(client.GetService<FunctionInvokingChatClient>());
        Assert.NotNull(client.GetService<BloomChatClient>());
    }

    [Fact]
    public void OptionsThatCannotWork_AreRefused()
    {
        using ServiceProvider provider = new ServiceCollection().AddBloomChatCompletion(options => options.MaxContextTokens = 1, "id").BuildServiceProvider();

        Assert.Throws<OptionsValidationException>(() => provider.GetRequiredKeyedService<IChatCompletionService>("id"));
        Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IStartupValidator>().Validate());
    }

    [Fact]
    public async Task Container_DisposesTheEngine_AndAClientDoesNot()
    {
        ServiceProvider provider = new ServiceCollection().AddBloomChatClient(s_options, "id").AddBloomChatCompletion(null, "id").BuildServiceProvider();
        var engine = provider.GetRequiredKeyedService<BloomEngine>("id");
        var chat = provider.GetRequiredKeyedService<IChatCompletionService>("id");
        string prompt = $"{DemoPassage.Text}\n\n{DemoPassage.Question}";

        provider.GetRequiredKeyedService<IChatClient>("id").Dispose();
        Assert.Equal(DemoPassage.Answer, (await chat.GetChatMessageContentAsync(prompt, cancellationToken: Cancellation)).Content);

        await provider.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.LoadAsync(cancellationToken: Cancellation));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => chat.GetChatMessageContentAsync(prompt, cancellationToken: Cancellation));
    }

    [Fact]
    public void NullReceivers_AreRefused()
    {
        Assert.Throws<ArgumentNullException>(() => ((IKernelBuilder)null!).AddBloomChatCompletion());
        Assert.Throws<ArgumentNullException>(() => ((IKernelBuilder)null!).AddBloomChatClient());
        Assert.Throws<ArgumentNullException>(() => ((IKernelBuilder)null!).AddBloomTextGeneration());
        Assert.Throws<ArgumentNullException>(() => ((IServiceCollection)null!).AddBloomChatCompletion());
        Assert.Throws<ArgumentNullException>(() => ((IServiceCollection)null!).AddBloomChatClient(serviceId: null));
        Assert.Throws<ArgumentNullException>(() => ((IServiceCollection)null!).AddBloomTextGeneration());
    }

    // Not NullLoggerFactory, for which the pipeline would leave logging out.
    private sealed class SilentLoggerFactory : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => NullLogger.Instance;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }
    }
}
