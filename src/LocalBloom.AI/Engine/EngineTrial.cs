using System.Diagnostics;
using LocalBloom.AI.Diagnostics;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Engine;

/// <summary>Requests that nobody made: they show that an engine works, and prepare it for those that somebody will make.</summary>
internal static class EngineTrial
{
    // A prompt in one step and some steps of one token: both paths of the computation, in the smallest context that may be set.
    private const int WarmUpTokens = 6;

    /// <summary>Generates a few tokens after a prompt of no meaning, through the queue as any request.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="promptTokens">At least 1.</param>
    /// <param name="newTokens">At least 1.</param>
    /// <param name="cancellationToken">Ends it: no other bound holds.</param>
    public static async Task TryOutAsync(this BloomEngine engine, int promptTokens, int newTokens, CancellationToken cancellationToken)
    {
        var request = new GenerationRequest
        {
            PromptIds = [.. Enumerable.Repeat(0, promptTokens)],
            MaxNewTokens = newTokens,
            IgnoreEndOfSequence = true,
            Timeout = TimeSpan.MaxValue,
        };
        _ = await engine.GenerateAsync(request, cancellationToken).CountAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Says that a warm-up, which an option asks for, will not be.</summary>
    public static void TellIfNobodyWarmsUp(BloomChatClientOptions options, bool isHosted, ILogger logger, string model)
    {
        if (options.WarmUp && !isHosted)
        {
            EngineLog.NotWarmedUp(logger, model);
        }
    }

    /// <summary>Loads the model and has it make a short reply, so that the first user need not wait for either.</summary>
    /// <exception cref="LocalBloomException">The model cannot be loaded, or not run; the message says what to do.</exception>
    public static async Task WarmUpAsync(this BloomEngine engine, ILogger logger, CancellationToken cancellationToken)
    {
        await engine.LoadAsync(progress: null, cancellationToken).ConfigureAwait(false);
        long start = Stopwatch.GetTimestamp();
        await engine.TryOutAsync(WarmUpTokens, WarmUpTokens, cancellationToken).ConfigureAwait(false);
        EngineLog.WarmedUp(logger, engine.ModelId, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }
}
