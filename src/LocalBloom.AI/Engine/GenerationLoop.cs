using LocalBloom.AI.Diagnostics;
using LocalBloom.AI.Execution;
using LocalBloom.AI.Model;
using LocalBloom.AI.Sampling;
using Microsoft.Extensions.Logging;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Engine;

/// <summary>What the engine thread does once the model is loaded: requests join and leave between steps.</summary>
/// <param name="model">The model.</param>
/// <param name="requests">Where requests arrive.</param>
/// <param name="status">Told after each step what is under way.</param>
/// <param name="metrics">Told what was computed.</param>
/// <param name="logger">Told of failures.</param>
internal sealed class GenerationLoop(LoadedModel model, RequestQueue requests, EngineStatus status, EngineMetrics metrics, ILogger logger)
{
    private readonly CacheBlockPool _pool = new(model.Plan.Footprint.CacheBlocks);
    private int _promptTokens;
    private int _outputTokens;

    /// <summary>Runs until the queue takes no more and all is done, or the engine is to stop; whatever is under way then is ended.</summary>
    /// <param name="whyStopped">Says what is told to requests that are ended so.</param>
    /// <param name="stopping">Ends all at the next step.</param>
    public void Run(Func<Exception> whyStopped, CancellationToken stopping)
    {
        var scheduler = new Scheduler(_pool, model.Plan.Footprint.StepRows, model.Plan.PromptRows, model.Plan.Footprint.MaxSequences);
        long preemptions = 0;
        try
        {
            while (!stopping.IsCancellationRequested && (scheduler.Running.Count > 0 || requests.Wait()))
            {
                status.BeginStep();
                DropEnded(scheduler);
                Admit(scheduler);
                ScheduledStep step = scheduler.Next();
                if (step.RowCount > 0)
                {
                    Serve(step);
                    scheduler.RemoveDone();
                }

                status.Note(scheduler, _pool, hasComputed: step.RowCount > 0);
                Report(scheduler.Preemptions - preemptions);
                preemptions = scheduler.Preemptions;
            }
        }
        catch (Exception e)
        {
            EndAll(scheduler, Explained(e));
            throw;
        }

        EndAll(scheduler, whyStopped());
    }

    private void EndAll(Scheduler scheduler, Exception error)
    {
        foreach (Generation generation in scheduler.Running.Concat(requests.Close()))
        {
            generation.End(_pool, error);
        }
    }

    private void DropEnded(Scheduler scheduler)
    {
        IEnumerable<Generation> running = scheduler.Running.Where(generation => generation.IsAbandoned || generation.Overdue() is not null);
        foreach (Generation generation in running.Concat(requests.RemoveEnded()))
        {
            generation.End(_pool, generation.IsAbandoned ? null : generation.Overdue());
        }

        scheduler.RemoveDone();
    }

    private void Admit(Scheduler scheduler)
    {
        while (requests.Peek() is { } next && scheduler.HasRoomFor(next))
        {
            if (requests.Remove(next))
            {
                scheduler.Admit(next);
                _promptTokens += next.PromptTokens;
            }
        }
    }

    private void Serve(ScheduledStep step)
    {
        try
        {
            Compute(step);
        }
        catch (Exception e)
        {
            Exception error = Explained(e);
            IEnumerable<Generation> generations = step.Parts.Select(part => part.Sequence.Generation).Distinct();
            foreach (Generation generation in generations.Where(generation => generation.Sequences.Count > 0)) // others had all before it failed
            {
                generation.End(_pool, error);
            }

            EngineLog.StepFailed(logger, e);
        }
    }

    private void Compute(ScheduledStep step)
    {
        using DisposeScope scope = NewDisposeScope();
        StepPlan plan = step.ToPlan();
        StepResult output = model.Runner.Run(plan);
        var ready = new List<(Sequence Sequence, SampleRequest Request)>();
        int row = 0, pooled = 0;
        foreach ((Sequence sequence, int rows) in step.Parts)
        {
            sequence.Computed += rows;
            if (sequence.Generation.WantsHidden)
            {
                float[] sum = [.. output.Pooled![pooled++].cpu().data<float>()];
                model.Runner.Confirm();
                sequence.Generation.TakeHidden(sequence, sequence.Computed - rows, sum, _pool);
            }
            else if (sequence.Pending == 0)
            {
                ready.AddRange(sequence.Generation.Ask(sequence, row++, _pool));
            }
        }

        if (ready.Count > 0)
        {
            Choose(output.Logits, ready);
        }
    }

    private void Choose(LogitParts logits, List<(Sequence Sequence, SampleRequest Request)> ready)
    {
        SampledToken[] tokens = BatchSampler.Sample(logits, [.. ready.Select(asked => asked.Request)]);
        model.Runner.Confirm();
        foreach (var asked in ready.Select((asked, i) => (asked.Sequence, Token: tokens[i])).GroupBy(chosen => chosen.Sequence.Generation))
        {
            if (asked.All(chosen => chosen.Token.IsFinite))
            {
                int before = asked.Key.Timing.Tokens;
                asked.Key.Take([.. asked], _pool);
                _outputTokens += asked.Key.Timing.Tokens - before;
                continue;
            }

            asked.Key.End(_pool, new LocalBloomException(
                "The model's logits are not numbers. Either its weights are broken, or they overflow this number type: try BFloat16 or Float32."));
        }
    }

    private void Report(long preempted)
    {
        (int prompt, int output) = (_promptTokens, _outputTokens);
        (_promptTokens, _outputTokens) = (0, 0);
        if (preempted > 0)
        {
            EngineLog.RepliesPreempted(logger, preempted);
        }

        metrics.AddStep(prompt, output, preempted);
    }

    private static Exception Explained(Exception error) =>
        error is LocalBloomException ? error : new LocalBloomException($"A step failed: {error.Message.Split('\n', 2)[0]}", error);
}
