using LocalBloom.AI.Engine;
using LocalBloom.AI.Testing;

namespace LocalBloom.AI.Tests.Engine;

public class DisposedEngineTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20); // a deadlock takes for ever; all else milliseconds

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Dispose_FromTheProgressCallback_EndsTheLoad()
    {
        BloomEngine engine = NewEngine();
        var progress = new Callback(engine.Dispose); // on the engine thread, which cannot wait for itself

        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.LoadAsync(progress, Cancellation).WaitAsync(s_patience, Cancellation));
    }

    [Fact]
    public async Task Dispose_WhileLoading_EndsTheLoad()
    {
        BloomEngine engine = NewEngine();
        Task disposing = Task.CompletedTask;
        var progress = new Callback(() =>
        {
            disposing = Task.Run(engine.Dispose, Cancellation);
            SpinWait.SpinUntil(() => IsDisposed(engine), s_patience);
        });

        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.LoadAsync(progress, Cancellation).WaitAsync(s_patience, Cancellation));
        await disposing.WaitAsync(s_patience, Cancellation);
    }

    [Fact]
    public async Task AfterDispose_EverythingThrows()
    {
        BloomEngine engine = NewEngine();
        await engine.LoadAsync(cancellationToken: Cancellation);
        Assert.NotEmpty(engine.DeviceMemory);

        engine.Dispose();
        await engine.DisposeAsync(); // twice is fine

        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.LoadAsync(cancellationToken: Cancellation));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
            await engine.GenerateAsync(new() { PromptIds = [5], MaxNewTokens = 1 }, Cancellation).GetAsyncEnumerator(Cancellation).MoveNextAsync());
        Assert.Throws<ObjectDisposedException>(() => engine.MaxContextTokens);
        Assert.Throws<ObjectDisposedException>(() => engine.DeviceMemory);
        Assert.Throws<ObjectDisposedException>(engine.DescribePlan);
        Assert.Throws<ObjectDisposedException>(() => ((IGenerationEngine)engine).Encode([]));
    }

    private static BloomEngine NewEngine() =>
        new(new BloomChatClientOptions { Model = Golden.Model("safetensors-f16-stops"), Devices = ["cpu"], MaxContextTokens = 64 });

    private static bool IsDisposed(BloomEngine engine)
    {
        try
        {
            _ = engine.MaxContextTokens;
            return false;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
        catch (InvalidOperationException)
        {
            return false; // not loaded yet
        }
    }

    private sealed class Callback(Action once) : IProgress<LoadProgress>
    {
        private bool _isDone;

        public void Report(LoadProgress value)
        {
            if (!_isDone)
            {
                _isDone = true;
                once();
            }
        }
    }
}
