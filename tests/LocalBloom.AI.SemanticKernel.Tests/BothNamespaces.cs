using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.SemanticKernel;

namespace LocalBloom.AI.SemanticKernel.Tests;

/// <summary>Compiles as a program does that imports the namespaces of both registrations.</summary>
internal static class BothNamespaces
{
    /// <summary>Without a service id the core's method is meant, which returns a builder.</summary>
    public static IServiceCollection OfTheCore(Action<BloomChatClientOptions> configure)
    {
        var services = new ServiceCollection();
        ChatClientBuilder builder = services.AddBloomChatClient(configure);
        Assert.NotNull(builder);
        return services;
    }

    /// <summary>With one, and be it <see langword="null"/>, the kernel's is.</summary>
    public static IServiceCollection OfTheKernel(Action<BloomChatClientOptions> configure, string? serviceId = null) =>
        new ServiceCollection().AddBloomChatClient(configure, serviceId);
}
