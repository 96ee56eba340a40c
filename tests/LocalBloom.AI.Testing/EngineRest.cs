namespace LocalBloom.AI.Testing;

/// <summary>What an engine still holds of requests.</summary>
public static class EngineRest
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60); // of a test that would fail; a step takes far less

    /// <summary>Waits until the engine has seen that nothing is under way, and fails if it never does.</summary>
    public static async Task AssertNothingAsync(BloomEngine engine, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_deadline);
        while ((engine.QueuedRequests, engine.Status.RunningReplies, engine.Status.UsedCacheBlocks) != (0, 0, 0))
        {
            Assert.False(
                patience.IsCancellationRequested,
                $"{engine.QueuedRequests} requests, {engine.Status.RunningReplies} replies and {engine.Status.UsedCacheBlocks} cache blocks are left.");
            await Task.Delay(5, cancellationToken);
        }
    }
}
