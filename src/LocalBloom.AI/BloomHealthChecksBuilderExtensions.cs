using LocalBloom.AI;
using LocalBloom.AI.Diagnostics;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers health checks of BLOOM models that run in this process.</summary>
public static class BloomHealthChecksBuilderExtensions
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_mostPatience = TimeSpan.FromDays(49); // timers wait 2³² ms at most

    /// <summary>Adds a health check that has a registered model generate one token, through the same queue as all requests.</summary>
    /// <remarks>
    /// <para>Healthy: the token came, or no request has needed the model yet; the check loads nothing.</para>
    /// <para>Degraded: the model is being loaded, the queue is full, or the token did not come in time while others are computed.</para>
    /// <para>
    /// <paramref name="failureStatus"/>: the model cannot be loaded, the engine stopped or is shutting down, or it computes nothing. Part of a long prompt
    /// can take long on a slow CPU: a step that is under way is no failure until it has taken thirty times <paramref name="timeout"/>.
    /// </para>
    /// </remarks>
    /// <param name="builder">The health checks to add to.</param>
    /// <param name="serviceKey">The chat client's key; <see langword="null"/> for the one without a key.</param>
    /// <param name="name">The check's name; <see langword="null"/> for <c>bloom</c>, or <c>bloom:</c> and the key.</param>
    /// <param name="failureStatus">What is reported of a failure; <see langword="null"/> for <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">Tags by which checks are chosen.</param>
    /// <param name="timeout">How long the token may take, above zero and at most 49 days; <see langword="null"/> for 10 s.</param>
    /// <returns>The same builder.</returns>
    /// <exception cref="InvalidOperationException">There is no chat client under the key yet.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is zero or less, or above 49 days.</exception>
    public static IHealthChecksBuilder AddBloom(
        this IHealthChecksBuilder builder,
        string? serviceKey = null,
        string? name = null,
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null,
        TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        TimeSpan patience = timeout ?? s_patience;
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(patience, TimeSpan.Zero, nameof(timeout));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(patience, s_mostPatience, nameof(timeout));
        builder.Services.RequireBloomEngine(serviceKey);

        // The registration's own time limit would end the check before it can tell a busy engine from one that is stuck.
        return builder.Add(new HealthCheckRegistration(
            name ?? (serviceKey is null ? "bloom" : $"bloom:{serviceKey}"),
            provider => new BloomHealthCheck(provider.GetRequiredKeyedService<BloomEngine>(serviceKey), patience, provider.GetService<TimeProvider>() ?? TimeProvider.System),
            failureStatus,
            tags));
    }
}
