using LocalBloom.AI.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace LocalBloom.AI.Engine;

/// <summary>Ties an engine to a host: warms it up at the start, if its options say so, and has it shut down when the host stops.</summary>
/// <remarks>
/// Hosts stop their services in the reverse order of registration: what was registered after the engine, such as a web server, is done before it.
/// </remarks>
/// <param name="provider">Where the engine is; it is made when the host is started, and its options are validated by then.</param>
/// <param name="key">The engine's key.</param>
internal sealed class EngineHostedService(IServiceProvider provider, string? key) : IHostedService
{
    private bool _isStarted;

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _isStarted = true;
        if (provider.GetBloomOptions(key).WarmUp)
        {
            ILogger logger = new QuietLogger(provider.GetService<ILoggerFactory>()?.CreateLogger<BloomEngine>() ?? NullLogger<BloomEngine>.Instance);
            await provider.GetRequiredKeyedService<BloomEngine>(key).WarmUpAsync(logger, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) =>
        _isStarted ? provider.GetRequiredKeyedService<BloomEngine>(key).StopAsync(cancellationToken) : Task.CompletedTask;
}
