using LocalBloom.AI;
using LocalBloom.AI.SemanticKernel;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.SemanticKernel.ChatCompletion;
using Microsoft.SemanticKernel.TextGeneration;

namespace Microsoft.SemanticKernel;

/// <summary>Registers BLOOM models that run in this process as services for a kernel that takes its services from a container.</summary>
/// <remarks>
/// What is registered under one service id, be it a chat completion, a chat client or a text generation, shares one <see cref="BloomEngine"/>, a
/// singleton under that key that the container disposes. Its options are those of all the calls together, in their order, validated when the host starts.
/// </remarks>
public static class BloomKernelServiceCollectionExtensions
{
    /// <summary>Adds a singleton <see cref="IChatCompletionService"/> that runs BLOOM in this process.</summary>
    /// <param name="services">The services to add to.</param>
    /// <param name="configure">Sets the options; <see langword="null"/> leaves them, which means the small model of the package LocalBloom.AI.DemoModel.</param>
    /// <param name="serviceId">The key of the service and its engine, and the name of their options.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="InvalidOperationException">There is such a service with this id already.</exception>
    public static IServiceCollection AddBloomChatCompletion(
        this IServiceCollection services, Action<BloomChatClientOptions>? configure = null, string? serviceId = null)
    {
        services.AddEngineFor<IChatCompletionService>(configure, serviceId);
        return services.AddKeyedSingleton(serviceId, (provider, _) => provider.BuildPipeline(serviceId).AsChatCompletionService(provider));
    }

    /// <summary>Adds a singleton <see cref="IChatClient"/> that runs BLOOM in this process and takes part in a kernel's function invocation.</summary>
    /// <remarks>
    /// Where <c>Microsoft.Extensions.DependencyInjection</c> is imported too, <c>services.AddBloomChatClient(configure)</c> means the core library's
    /// method, which returns a builder without any middleware. Naming <paramref name="serviceId"/>, and be it <see langword="null"/>, means this one.
    /// </remarks>
    /// <param name="services">The services to add to.</param>
    /// <param name="configure">Sets the options; <see langword="null"/> leaves them, which means the small model of the package LocalBloom.AI.DemoModel.</param>
    /// <param name="serviceId">The key of the client and its engine, and the name of their options.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="InvalidOperationException">There is such a client with this id already.</exception>
    public static IServiceCollection AddBloomChatClient(
        this IServiceCollection services, Action<BloomChatClientOptions>? configure = null, string? serviceId = null)
    {
        services.AddEngineFor<IChatClient>(configure, serviceId);
        return services.AddKeyedSingleton(serviceId, (provider, _) => provider.BuildPipeline(serviceId));
    }

    /// <summary>Adds a singleton <see cref="ITextGenerationService"/> in which BLOOM continues the prompt as it stands, without a template.</summary>
    /// <param name="services">The services to add to.</param>
    /// <param name="configure">Sets the options; <see langword="null"/> leaves them, which means the small model of the package LocalBloom.AI.DemoModel.</param>
    /// <param name="serviceId">The key of the service and its engine, and the name of their options.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="InvalidOperationException">There is such a service with this id already.</exception>
    public static IServiceCollection AddBloomTextGeneration(
        this IServiceCollection services, Action<BloomChatClientOptions>? configure = null, string? serviceId = null)
    {
        services.AddEngineFor<ITextGenerationService>(configure, serviceId);
        return services.AddKeyedSingleton<ITextGenerationService>(serviceId, (provider, _) =>
            new BloomTextGenerationService(provider.StartPipeline(serviceId, PromptTemplate.Completion).Build(provider)));
    }

    private static void AddEngineFor<TService>(this IServiceCollection services, Action<BloomChatClientOptions>? configure, string? serviceId)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (serviceId is not null)
        {
            ArgumentException.ThrowIfNullOrEmpty(serviceId);
        }

        bool hasEngine = services.HasBloomEngine(serviceId);
        if (hasEngine && services.Any(service => service.ServiceType == typeof(TService) && Equals(service.ServiceKey, serviceId)))
        {
            throw new InvalidOperationException(
                $"A BLOOM {typeof(TService).Name} is registered already {(serviceId is null ? "without a service id" : $"with the service id '{serviceId}'")}. " +
                "Give this one another serviceId.");
        }

        if (configure is not null)
        {
            services.Configure(serviceId ?? Extensions.Options.Options.DefaultName, configure);
        }

        if (!hasEngine)
        {
            services.AddBloomEngine(serviceId);
        }
    }

    private static IChatClient BuildPipeline(this IServiceProvider provider, string? serviceId) =>
        provider.StartPipeline(serviceId).UseKernelFunctionInvocation(provider.GetService<ILoggerFactory>()).Build(provider);

    private static ChatClientBuilder StartPipeline(this IServiceProvider provider, string? serviceId, PromptTemplate? template = null)
    {
        ChatClientBuilder builder = provider.CreateBloomClient(serviceId, template).AsBuilder();
        return provider.GetService<ILoggerFactory>() is { } loggerFactory ? builder.UseLogging(loggerFactory) : builder;
    }
}
