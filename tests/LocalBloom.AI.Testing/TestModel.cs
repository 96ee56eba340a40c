using LocalBloom.AI.Diagnostics;
using LocalBloom.AI.Engine;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Text;
using LocalBloom.AI.Weights;
using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Testing;

/// <summary>A checkpoint loaded on the calling thread, below the engine: for what logits say.</summary>
internal sealed class TestModel : IDisposable
{
    private readonly LoadedModel _model;
    private readonly int[] _blocks;

    public TestModel(BloomChatClientOptions options)
        : this(options, native => new CheckpointWeights(Checkpoint.Open(ModelLocator.Locate(options.Model)), native), BloomTokenizer.Load(Path.Combine(options.Model, "tokenizer.json")))
    {
    }

    private TestModel(BloomChatClientOptions options, Func<TorchNative, IWeightSource> open, BloomTokenizer? tokenizer)
    {
        var native = TorchNative.Load(options.LibTorchPath);
        using IDisposable inference = inference_mode();
        using IWeightSource source = open(native);
        _model = new EngineFactory(options, native, NullLogger.Instance).Build(source, tokenizer, progress: null, CancellationToken.None);
        _blocks = [.. Enumerable.Range(0, _model.Plan.Footprint.CacheBlocks)];
    }

    public BloomTokenizer Tokenizer => _model.Tokenizer ?? throw new InvalidOperationException("Random weights have no tokenizer.");

    public LoadedModel Loaded => _model;

    /// <summary>Makes a model of random weights.</summary>
    public static TestModel OfShape(string shape, BloomChatClientOptions options) => new(options, _ => new RandomWeights(BloomConfig.ForShape(shape)), tokenizer: null);

    /// <summary>Runs a prompt from the start, in steps of at most <paramref name="stepRows"/> tokens.</summary>
    /// <returns>Logits of every position, [tokens][vocabulary].</returns>
    public float[][] Logits(IReadOnlyList<int> ids, int? stepRows = null) =>
        Run(ids, stepRows ?? _model.Plan.Footprint.StepRows, (_, count) => [.. Enumerable.Range(0, count)]);

    /// <summary>Runs a prompt from the start.</summary>
    /// <returns>Logits of the last position, [vocabulary].</returns>
    public float[] LastLogits(IReadOnlyList<int> ids) =>
        Run(ids, _model.Plan.Footprint.StepRows, (start, count) => start + count == ids.Count ? [count - 1] : []).Single();

    /// <summary>Serves requests that all wait before the first step, in order: which of them meet in a step does not depend on the clock.</summary>
    /// <returns>The tokens of each one's reply.</returns>
    public int[][] Generate(params GenerationRequest[] requests)
    {
        var queue = new RequestQueue(requests.Length);
        SampledGeneration[] generations =
            [.. requests.Select(request => new SampledGeneration(request, ReplyLimits.Of(request, _model), timeout: null, CancellationToken.None))];
        Array.ForEach(generations, generation => queue.TryAdd(generation));
        Task<int[]>[] replies = [.. generations.Select(ReadAsync)];
        Task.WhenAll(replies).ContinueWith(_ => queue.Close(), TaskScheduler.Default); // ends the loop

        using (inference_mode())
        {
            var status = new EngineStatus();
            using var metrics = new EngineMetrics(factory: null, "test", key: null, queue, status, NullLogger.Instance);
            new GenerationLoop(_model, queue, status, metrics, NullLogger.Instance).Run(() => new InvalidOperationException("The loop ended early."), CancellationToken.None);
        }

        return [.. replies.Select(reply => reply.GetAwaiter().GetResult())];

        static async Task<int[]> ReadAsync(SampledGeneration generation)
        {
            var tokens = new List<int>();
            await foreach (GenerationDelta delta in generation.Output.ReadAllAsync().ConfigureAwait(false))
            {
                tokens.Add(delta.TokenId);
            }

            return [.. tokens];
        }
    }

    private float[][] Run(IReadOnlyList<int> ids, int rows, Func<int, int, int[]> logitRows)
    {
        var logits = new List<float[]>();
        using IDisposable inference = inference_mode();
        for (int start = 0; start < ids.Count; start += rows)
        {
            using DisposeScope scope = NewDisposeScope();
            int[] step = [.. ids.Skip(start).Take(rows)];
            var segment = new StepSegment(FirstRow: 0, step.Length, FirstPosition: start, _blocks);
            int[] asked = logitRows(start, step.Length);
            Tensor result = _model.Runner.Run(new StepPlan(step, [segment], asked)).Logits.Whole().cpu();
            _model.Runner.Confirm();
            logits.AddRange(Enumerable.Range(0, asked.Length).Select(row => result[row].data<float>().ToArray()));
        }

        return [.. logits];
    }

    public void Dispose() => _model.Dispose();
}
