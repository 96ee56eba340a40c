using System.Diagnostics.Metrics;
using LocalBloom.AI;
using LocalBloom.AI.Engine;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers BLOOM models that run in this process as <see cref="IChatClient"/>.</summary>
/// <remarks>
/// Each registration has its own options, validated when the host starts, and its own <see cref="BloomEngine"/>, a singleton under the same key
/// that the container disposes. The model is loaded by the first request, by <see cref="BloomEngine.LoadAsync"/>, or by the host when it starts, where
/// <see cref="BloomChatClientOptions.WarmUp"/> says so. When a host stops, the engine takes no more requests and completes those that it has, as long
/// as the host's time to shut down lasts; services that were registered after it have stopped by then.
/// </remarks>
public static class BloomServiceCollectionExtensions
{
    /// <summary>Adds a singleton <see cref="IChatClient"/> that runs the small model of the package LocalBloom.AI.DemoModel in this process.</summary>
    /// <param name="services">The services to add to.</param>
    /// <returns>A builder on which middleware such as logging or telemetry can be stacked.</returns>
    public static ChatClientBuilder AddBloomChatClient(this IServiceCollection services) => services.AddBloomChatClient(static _ => { });

    /// <summary>Adds a singleton <see cref="IChatClient"/> that runs BLOOM in this process.</summary>
    /// <param name="services">The services to add to.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>A builder on which middleware such as logging or telemetry can be stacked.</returns>
    public static ChatClientBuilder AddBloomChatClient(this IServiceCollection services, Action<BloomChatClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);

        services.Configure(configure);
        return services.AddClient();
    }

    /// <summary>Adds a singleton <see cref="IChatClient"/> that runs BLOOM in this process.</summary>
    /// <param name="services">The services to add to.</param>
    /// <param name="section">The configuration section to bind the options to. A missing section, a key that is no option and a value that is not of its kind are errors when the host starts, or else at first use.</param>
    /// <returns>A builder on which middleware such as logging or telemetry can be stacked.</returns>
    public static ChatClientBuilder AddBloomChatClient(this IServiceCollection services, IConfigurationSection section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(section);

        services.Configure<BloomChatClientOptions>(options => BloomOptionsSection.Bind(section, options));
        return services.AddClient();
    }

    /// <summary>Adds a keyed singleton <see cref="IChatClient"/> that runs BLOOM in this process.</summary>
    /// <param name="services">The services to add to.</param>
    /// <param name="serviceKey">The key of the client and its engine, and the name of their options.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>A builder on which middleware such as logging or telemetry can be stacked.</returns>
    public static ChatClientBuilder AddBloomChatClient(
        this IServiceCollection services, string serviceKey, Action<BloomChatClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(serviceKey);
        ArgumentNullException.ThrowIfNull(configure);

        services.Configure(serviceKey, configure);
        return services.AddClient(serviceKey);
    }

    /// <summary>Adds a keyed singleton <see cref="IChatClient"/> that runs BLOOM in this process.</summary>
    /// <param name="services">The services to add to.</param>
    /// <param name="serviceKey">The key of the client and its engine, and the name of their options.</param>
    /// <param name="section">The configuration section to bind the options to. A missing section, a key that is no option and a value that is not of its kind are errors when the host starts, or else at first use.</param>
    /// <returns>A builder on which middleware such as logging or telemetry can be stacked.</returns>
    public static ChatClientBuilder AddBloomChatClient(this IServiceCollection services, string serviceKey, IConfigurationSection section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(serviceKey);
        ArgumentNullException.ThrowIfNull(section);

        services.Configure<BloomChatClientOptions>(serviceKey, options => BloomOptionsSection.Bind(section, options));
        return services.AddClient(serviceKey);
    }

    /// <summary>Adds a singleton embedding generator over the engine of a registered chat client: one model in memory serves both.</summary>
    /// <param name="services">The services to add to.</param>
    /// <param name="serviceKey">The chat client's key, which becomes the generator's; <see langword="null"/> for the one without a key.</param>
    /// <returns>A builder on which middleware such as caching or telemetry can be stacked.</returns>
    /// <exception cref="InvalidOperationException">There is no chat client under the key yet.</exception>
    public static EmbeddingGeneratorBuilder<string, Embedding<float>> AddBloomEmbeddingGenerator(this IServiceCollection services, string? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.RequireBloomEngine(serviceKey);
        return services.AddKeyedEmbeddingGenerator(
            serviceKey, provider => new BloomEmbeddingGenerator(provider.GetRequiredKeyedService<BloomEngine>(serviceKey)));
    }

    /// <summary>Adds the engine that serves every client and service under a key, and the validation of its options, whose name is that key.</summary>
    /// <param name="services">The services to add to.</param>
    /// <param name="key">The key; <see langword="null"/> for the one without a key.</param>
    /// <exception cref="InvalidOperationException">The key has an engine already.</exception>
    internal static void AddBloomEngine(this IServiceCollection services, string? key)
    {
        if (services.HasBloomEngine(key))
        {
            throw new InvalidOperationException(key is null
                ? "A BLOOM chat client is registered already. Give each further one a key: AddBloomChatClient(\"qa\", …)."
                : $"A BLOOM chat client with the key '{key}' is registered already. Give this one another.");
        }

        services.AddOptionsWithValidateOnStart<BloomChatClientOptions, BloomChatClientOptionsValidator>(OptionsName(key));
        services.AddOptionsWithValidateOnStart<BloomChatClientOptions, BloomOptionsCombinationValidator>(OptionsName(key));
        services.AddKeyedSingleton(key, (provider, _) => new BloomEngine(
            provider.GetBloomOptions(key),
            provider.GetService<ILoggerFactory>(),
            provider.GetService<IMeterFactory>(),
            key,
            isHosted: provider.GetService<IHostApplicationLifetime>() is not null));
        services.AddSingleton<IHostedService>(provider => new EngineHostedService(provider, key));
    }

    /// <summary>Throws unless a key has an engine; <see langword="null"/> is the one without a key.</summary>
    /// <exception cref="InvalidOperationException">It has none.</exception>
    internal static void RequireBloomEngine(this IServiceCollection services, string? key)
    {
        if (!services.HasBloomEngine(key))
        {
            throw new InvalidOperationException(
                $"No BLOOM chat client is registered {(key is null ? "without a key" : $"with the key '{key}'")}. Call AddBloomChatClient first: both share its model.");
        }
    }

    /// <summary>Gets the options of a key; <see langword="null"/> is the one without a key.</summary>
    internal static BloomChatClientOptions GetBloomOptions(this IServiceProvider provider, string? key) =>
        provider.GetRequiredService<IOptionsMonitor<BloomChatClientOptions>>().Get(OptionsName(key));

    /// <summary>Gets whether a key has an engine; <see langword="null"/> is the one without a key.</summary>
    internal static bool HasBloomEngine(this IServiceCollection services, string? key) =>
        services.Any(service => service.ServiceType == typeof(BloomEngine) && Equals(service.ServiceKey, key));

    /// <summary>Creates a client over the engine of a key, which stays the container's.</summary>
    /// <param name="provider">The container.</param>
    /// <param name="key">The engine's key; <see langword="null"/> for the one without a key.</param>
    /// <param name="template">How prompts are written, in place of what the options say.</param>
    internal static BloomChatClient CreateBloomClient(this IServiceProvider provider, string? key, PromptTemplate? template = null)
    {
        BloomChatClientOptions options = provider.GetBloomOptions(key);
        if (template is not null)
        {
            options = options.Copy();
            options.PromptTemplate = template;
        }

        return new BloomChatClient(provider.GetRequiredKeyedService<BloomEngine>(key), ownsEngine: false, options, provider.GetService<ILoggerFactory>());
    }

    private static ChatClientBuilder AddClient(this IServiceCollection services, string? key = null)
    {
        services.AddBloomEngine(key);
        return services.AddKeyedChatClient(key, provider => provider.CreateBloomClient(key));
    }

    private static string OptionsName(string? key) => key ?? Options.Options.DefaultName;
}
