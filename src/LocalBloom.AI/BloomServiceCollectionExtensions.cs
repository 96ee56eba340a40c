// Stand-in for the registration that is being written elsewhere: enough for the command-line programs to build. Overwrite at merge.
#pragma warning disable CS1591
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace LocalBloom.AI;

public static class BloomServiceCollectionExtensions
{
    public static ChatClientBuilder AddBloomChatClient(this IServiceCollection services, Action<BloomChatClientOptions> configure)
    {
        services.AddOptions<BloomChatClientOptions>().Configure(configure).ValidateDataAnnotations();
        return services.AddChatClient(provider =>
            new BloomChatClient(provider.GetRequiredService<IOptions<BloomChatClientOptions>>().Value, provider.GetService<ILoggerFactory>()));
    }
}
