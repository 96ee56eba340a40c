using LocalBloom.AI.Engine;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Text;
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
    {
        var native = TorchNative.Load(options.LibTorchPath);
        using IDisposable inference = inference_mode();
        using var source = new CheckpointWeights(Checkpoint.Open(ModelLocator.Locate(options.Model)), native);
        Tokenizer = BloomTokenizer.Load(Path.Combine(options.Model, "tokenizer.json"));
        _model = new EngineFactory(options, native, NullLogger.Instance).Build(source, Tokenizer, progress: null, CancellationToken.None);
        _blocks = [.. Enumerable.Range(0, _model.Plan.Footprint.CacheBlocks)];
    }

    public BloomTokenizer Tokenizer { get; }

    public LoadedModel Loaded => _model;

    /// <summary>Runs a prompt from the start, in steps of at most <paramref name="stepRows"/> tokens.</summary>
    /// <returns>Logits of every position, [tokens][vocabulary].</returns>
    public float[][] Logits(IReadOnlyList<int> ids, int? stepRows = null) =>
        Run(ids, stepRows ?? _model.Plan.Footprint.StepRows, (_, count) => [.. Enumerable.Range(0, count)]);

    /// <summary>Runs a prompt from the start.</summary>
    /// <returns>Logits of the last position, [vocabulary].</returns>
    public float[] LastLogits(IReadOnlyList<int> ids) =>
        Run(ids, _model.Plan.Footprint.StepRows, (start, count) => start + count == ids.Count ? [count - 1] : []).Single();

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
            Tensor result = _model.Runner.Run(new StepPlan(step, [segment], asked)).Logits.cpu();
            logits.AddRange(Enumerable.Range(0, asked.Length).Select(row => result[row].data<float>().ToArray()));
        }

        return [.. logits];
    }

    public void Dispose() => _model.Dispose();
}
