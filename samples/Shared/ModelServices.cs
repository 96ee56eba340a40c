using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace LocalBloom.AI.Samples;

/// <summary>Registers the chat client that a command line asks for; what it logs goes to standard error.</summary>
internal static class ModelServices
{
    /// <param name="arguments">The command line.</param>
    /// <param name="configure">Sets options that the command line does not.</param>
    /// <param name="configureServices">Adds what the program needs beside the chat client.</param>
    public static ServiceProvider Build(
        ModelArguments arguments, Action<BloomChatClientOptions>? configure = null, Action<IServiceCollection>? configureServices = null)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging
            .AddFilter((category, level) => IsTold(arguments, category, level))
            .AddSimpleConsole(console => console.SingleLine = true));
        services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        services.AddBloomChatClient(options =>
        {
            arguments.ApplyTo(options);
            configure?.Invoke(options);
        });
        configureServices?.Invoke(services);
        return services.BuildServiceProvider();
    }

    // What fails is thrown, too, and the program says it once in words of its own.
    private static bool IsTold(ModelArguments arguments, string? category, LogLevel level) =>
        arguments.Verbose
            ? level >= LogLevel.Information
            : level >= LogLevel.Warning && !(level is LogLevel.Error && category?.StartsWith("LocalBloom.AI", StringComparison.Ordinal) == true);
}
