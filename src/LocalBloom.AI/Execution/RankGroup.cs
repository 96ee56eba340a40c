using LocalBloom.AI.Collectives;
using LocalBloom.AI.Model;
using LocalBloom.AI.Sampling;
using static TorchSharp.torch;

namespace LocalBloom.AI.Execution;

/// <summary>Runs a step on all ranks at once: the first on the caller's thread, each other on its own.</summary>
/// <remarks>A rank that fails ends the step for all, with one exception; the next step begins anew. Belongs to the engine thread.</remarks>
/// <param name="models">Each rank's slice of the model.</param>
/// <param name="names">Each rank's device, for people.</param>
/// <param name="link">What joins them; not disposed here.</param>
/// <param name="launching">Held while a step is launched; see <see cref="LaunchOrder"/>.</param>
/// <param name="patience">How long the others may take longer than the first.</param>
internal sealed class RankGroup(IReadOnlyList<BloomModel> models, IReadOnlyList<string> names, IRankLink link, Lock launching, TimeSpan patience)
    : IStepRunner, IDisposable
{
    private readonly RankThread[] _others = [.. names.Skip(1).Select((name, i) => new RankThread($"BLOOM rank {i + 1} on {name}"))];
    private bool _isBroken;
    private string? _lost; // why no step can be run any more

    /// <inheritdoc/>
    public StepResult Run(StepPlan plan)
    {
        StepOutput[] outputs = RunAll(plan);
        return new StepResult(new LogitParts([.. outputs.Select(output => output.Logits)], launching), outputs[0].Pooled);
    }

    /// <summary>Runs a step.</summary>
    /// <returns>Each rank's output: its part of the vocabulary, and hidden states, which are the same bits on all.</returns>
    public StepOutput[] RunAll(StepPlan plan)
    {
        var outputs = new StepOutput[models.Count];
        OnAll(rank =>
        {
            StepOutput output = models[rank].Forward(plan);
            outputs[rank] = new StepOutput(output.Logits.DetachFromDisposeScope(), output.Pooled?.DetachFromDisposeScope());
        });
        return [.. outputs.Select(Adopt)];
    }

    /// <summary>Does something on all ranks at once.</summary>
    /// <param name="work">Given the rank.</param>
    public void OnAll(Action<int> work)
    {
        if (_lost is { } reason)
        {
            throw new LocalBloomException(reason);
        }

        lock (launching)
        {
            Launch(work);
        }
    }

    /// <inheritdoc/>
    public void Confirm()
    {
        try
        {
            link.Confirm();
        }
        catch
        {
            _isBroken = true;
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_lost is null)
        {
            Array.ForEach(_others, thread => thread.Dispose());
        }
        else
        {
            Array.ForEach(_others, thread => thread.End()); // whoever is lost may never complete
        }
    }

    private void Launch(Action<int> work)
    {
        if (_isBroken)
        {
            link.Renew();
            _isBroken = false;
        }

        var errors = new Exception?[models.Count];
        for (int i = 0; i < _others.Length; i++)
        {
            int rank = i + 1;
            _others[i].Start(() => Try(rank));
        }

        Try(0);
        for (int i = 0; i < _others.Length; i++)
        {
            if (!_others[i].Wait(patience))
            {
                _lost = $"Rank {i + 1} on {names[i + 1]} did not complete its step within {patience.TotalSeconds:0} s. Its device may be lost; restart the application.";
                throw new LocalBloomException(_lost);
            }
        }

        ThrowFirst(errors);

        void Try(int rank)
        {
            try
            {
                work(rank);
            }
            catch (Exception e)
            {
                errors[rank] = e;
                link.Break();
            }
        }
    }

    // What a rank's thread made belongs to the scope of the thread that asked for it.
    private static StepOutput Adopt(StepOutput output)
    {
        using Tensor logits = output.Logits;
        using Tensor? pooled = output.Pooled;
        return new StepOutput(logits.alias(), pooled?.alias());
    }

    private void ThrowFirst(Exception?[] errors)
    {
        if (errors.All(error => error is null))
        {
            return;
        }

        _isBroken = true;
        int rank = Array.FindIndex(errors, error => error is not (null or RankLostException)); // the cause, not those who waited for it
        rank = rank >= 0 ? rank : Array.FindIndex(errors, error => error is not null);
        Exception cause = errors[rank]!;
        throw new LocalBloomException($"Rank {rank} on {names[rank]} failed: {cause.Message.Split('\n', 2)[0]}", cause);
    }
}
