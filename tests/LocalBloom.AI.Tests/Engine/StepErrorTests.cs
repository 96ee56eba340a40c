using LocalBloom.AI.Diagnostics;
using LocalBloom.AI.Engine;
using LocalBloom.AI.Execution;
using LocalBloom.AI.Model;
using LocalBloom.AI.Sampling;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Tests.Chat;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Engine;

public class StepErrorTests
{
    [Fact]
    public async Task OneThatWasCompleteBeforeItsStepFailed_StaysSo_AndTheOthersEndWithTheError()
    {
        using var model = new TestModel(new BloomChatClientOptions { Model = GoldenEngine.Folder, Devices = ["cpu"], MaxContextTokens = 64 });
        var status = new EngineStatus();
        var runner = new LosesLogits(model.Loaded.Runner, status);
        var embedding = new EmbeddingGeneration([500, 501], timeout: null, CancellationToken.None);
        GenerationRequest request = GoldenEngine.Greedy(3);
        var text = new SampledGeneration(request, ReplyLimits.Of(request, model.Loaded), timeout: null, CancellationToken.None);
        var queue = new RequestQueue(2);
        using var log = new RecordingLoggerFactory();
        using (var metrics = new EngineMetrics(factory: null, "test", key: null, queue, status, log))
        using (inference_mode())
        {
            Assert.True(queue.TryAdd(embedding) && queue.TryAdd(text)); // they meet in the first step
            queue.StopAdding();
            new GenerationLoop(model.Loaded with { Runner = runner }, queue, status, metrics, log).Run(() => new InvalidOperationException("ended early"), CancellationToken.None);
        }

        Assert.Equal(model.Loaded.Config.HiddenSize, (await embedding.Result).Length);
        Assert.Null(embedding.Error);
        LocalBloomException error = await Assert.ThrowsAsync<LocalBloomException>(() => text.Output.Completion);
        Assert.StartsWith("A step failed: ", error.Message, StringComparison.Ordinal);
        Assert.Same(error, text.Error);
        Assert.Single(log.Entries, entry => entry.Event.Name == "StepFailed");
        Assert.Equal((1, 0, 0), (status.Steps, status.RunningReplies, status.UsedCacheBlocks));
        Assert.Equal((true, null), (runner.WasUnderWay, status.StepAge));
    }

    /// <summary>A device that gives hidden states, and then no logits.</summary>
    private sealed class LosesLogits(IStepRunner inner, EngineStatus status) : IStepRunner
    {
        public bool WasUnderWay { get; private set; }

        public StepResult Run(StepPlan plan)
        {
            WasUnderWay = status.StepAge is not null;
            return inner.Run(plan) with { Logits = LogitParts.Of(zeros(0, 1)) };
        }
    }
}
