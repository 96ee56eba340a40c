using LocalBloom.AI;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers BLOOM models that run in this process as <see cref="IChatClient"/>.</summary>
/// <remarks>
/// Each registration has its own options, validated when the host starts, and its own <see cref="BloomEngine"/>, a singleton under the same key
/// that the container disposes. The model is loaded by the first request, or by <see cref="BloomEngine.LoadAsync"/>.
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
    /// <param name="section">The configuration section to bind the options to; a key that is no option is an error.</param>
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
        return services.AddKeyedClient(serviceKey);
    }

    /// <summary>Adds a keyed singleton <see cref="IChatClient"/> that runs BLOOM in this process.</summary>
    /// <param name="services">The services to add to.</param>
    /// <param name="serviceKey">The key of the client and its engine, and the name of their options.</param>
    /// <param name="section">The configuration section to bind the options to; a key that is no option is an error.</param>
    /// <returns>A builder on which middleware such as logging or telemetry can be stacked.</returns>
    public static ChatClientBuilder AddBloomChatClient(this IServiceCollection services, string serviceKey, IConfigurationSection section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(serviceKey);
        ArgumentNullException.ThrowIfNull(section);

        services.Configure<BloomChatClientOptions>(serviceKey, options => BloomOptionsSection.Bind(section, options));
        return services.AddKeyedClient(serviceKey);
    }

    private static ChatClientBuilder AddClient(this IServiceCollection services)
    {
        if (services.Any(service => service.ServiceType == typeof(BloomEngine) && !service.IsKeyedService))
        {
            throw new InvalidOperationException("A BLOOM chat client is registered already. Give each further one a key: AddBloomChatClient(\"qa\", …).");
        }

        services.AddValidatedOptions(Options.Options.DefaultName);
        services.AddSingleton(provider => CreateEngine(provider, Options.Options.DefaultName));
        return services.AddChatClient(provider => CreateClient(provider, provider.GetRequiredService<BloomEngine>(), Options.Options.DefaultName));
    }

    private static ChatClientBuilder AddKeyedClient(this IServiceCollection services, string key)
    {
        services.AddValidatedOptions(key);
        if (services.Any(service => service.ServiceType == typeof(BloomEngine) && service.IsKeyedService && Equals(service.ServiceKey, key)))
        {
            throw new InvalidOperationException($"A BLOOM chat client with the key '{key}' is registered already. Give this one another.");
        }

        services.AddKeyedSingleton(key, (provider, _) => CreateEngine(provider, key));
        return services.AddKeyedChatClient(key, provider => CreateClient(provider, provider.GetRequiredKeyedService<BloomEngine>(key), key));
    }

    private static void AddValidatedOptions(this IServiceCollection services, string name)
    {
        services.AddOptionsWithValidateOnStart<BloomChatClientOptions, BloomChatClientOptionsValidator>(name);
        services.AddOptionsWithValidateOnStart<BloomChatClientOptions, BloomOptionsCombinationValidator>(name);
    }

    private static BloomEngine CreateEngine(IServiceProvider provider, string name) =>
        new(GetOptions(provider, name), provider.GetService<ILoggerFactory>());

    private static BloomChatClient CreateClient(IServiceProvider provider, BloomEngine engine, string name) =>
        new(engine, ownsEngine: false, GetOptions(provider, name), provider.GetService<ILoggerFactory>());

    private static BloomChatClientOptions GetOptions(IServiceProvider provider, string name) =>
        provider.GetRequiredService<IOptionsMonitor<BloomChatClientOptions>>().Get(name);
}
