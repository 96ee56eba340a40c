using System.Threading.Channels;
using LocalBloom.AI.Diagnostics;
using LocalBloom.AI.Model;
using Microsoft.Extensions.Logging;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Engine;

/// <summary>What the engine thread does once the model is loaded: it takes requests one after the other and runs their steps.</summary>
/// <param name="model">The model.</param>
/// <param name="requests">Where sequences arrive.</param>
/// <param name="logger">Told of failures.</param>
internal sealed class GenerationLoop(LoadedModel model, ChannelReader<Sequence> requests, ILogger logger)
{
    private readonly int[] _blocks = [.. Enumerable.Range(0, model.Plan.Footprint.CacheBlocks)]; // one sequence at a time has them all

    /// <summary>Runs until the channel is completed or the engine is disposed.</summary>
    /// <param name="stopping">Ends the running sequence at the next step.</param>
    public void Run(CancellationToken stopping)
    {
        while (requests.WaitToReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult())
        {
            while (requests.TryRead(out Sequence? sequence))
            {
                Serve(sequence, stopping);
            }
        }
    }

    private void Serve(Sequence sequence, CancellationToken stopping)
    {
        try
        {
            Generate(sequence, stopping);
        }
        catch (Exception e)
        {
            sequence.End(e is LocalBloomException ? e : new LocalBloomException($"A step failed: {FirstLine(e.Message)}", e)); // first: loggers may throw
            LogFailure(e);
        }
    }

    private void LogFailure(Exception error)
    {
        try
        {
            EngineLog.StepFailed(logger, error);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A logger that throws must not end the engine; the caller has the error itself.
        }
    }

    private void Generate(Sequence sequence, CancellationToken stopping)
    {
        int[] prompt = sequence.PromptIds;
        int position = 0;
        int[] next = prompt[..Math.Min(prompt.Length, model.Plan.Footprint.StepRows)];
        while (!sequence.IsAbandoned && !stopping.IsCancellationRequested)
        {
            bool isPrompt = position + next.Length < prompt.Length;
            int? id = Step(sequence, next, position, wantsToken: !isPrompt);
            position += next.Length;
            if (id is { } token && !sequence.Append(token))
            {
                return;
            }

            next = id is { } generated ? [generated] : prompt[position..Math.Min(prompt.Length, position + model.Plan.Footprint.StepRows)];
        }

        sequence.End(stopping.IsCancellationRequested ? new ObjectDisposedException(nameof(BloomEngine)) : null);
    }

    private int? Step(Sequence sequence, int[] ids, int position, bool wantsToken)
    {
        using DisposeScope scope = NewDisposeScope();
        var segment = new StepSegment(FirstRow: 0, ids.Length, position, _blocks);
        Tensor logits = model.Runner.Run(new StepPlan(ids, [segment], wantsToken ? [ids.Length - 1] : []));
        return wantsToken ? sequence.Sampler.Next(logits[0]) : null;
    }

    private static string FirstLine(string text) => text.Split('\n', 2)[0];
}
