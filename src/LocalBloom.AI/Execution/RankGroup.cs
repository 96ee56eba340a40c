using System.Diagnostics;
using LocalBloom.AI.Collectives;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Sampling;

namespace LocalBloom.AI.Execution;

/// <summary>Runs a step on all ranks at once: the first on the caller's thread, each other on its own.</summary>
/// <remarks>
/// A rank that fails ends the step for all, with one exception; the next step begins anew. A rank that does not come back is lost, and with it all that it
/// may still use. Belongs to the engine thread.
/// </remarks>
/// <param name="models">Each rank's slice of the model.</param>
/// <param name="names">Each rank's device, for people.</param>
/// <param name="link">What joins them; not disposed here.</param>
/// <param name="launching">Held while a step is launched; see <see cref="LaunchOrder"/>.</param>
/// <param name="patience">How long ranks are waited for.</param>
internal sealed class RankGroup(IReadOnlyList<BloomModel> models, IReadOnlyList<string> names, IRankLink link, Lock launching, RankPatience patience)
    : IStepRunner, IDisposable
{
    private static readonly TimeSpan s_quick = TimeSpan.FromSeconds(1); // so long a renewal keeps no other model waiting that is worth counting

    private readonly RankThread[] _others = [.. names.Skip(1).Select((name, i) => new RankThread($"BLOOM rank {i + 1} on {name}"))];
    private bool _isBroken;
    private FailedRenewal? _notRenewed;
    private string? _lost; // why no step can be run any more

    /// <summary>Gets what tells how long a renewal took, and how long ago that was.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

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
        StepOutput[] outputs = Collect(rank =>
        {
            StepOutput output = models[rank].Forward(plan);
            return new StepOutput(output.Logits.DetachFromDisposeScope(), output.Pooled?.DetachFromDisposeScope());
        });
        try
        {
            // What a rank's thread made belongs to the scope of the thread that asked for it.
            return [.. outputs.Select(output => new StepOutput(output.Logits.alias(), output.Pooled?.alias()))];
        }
        finally
        {
            Array.ForEach(outputs, output => output.Dispose());
        }
    }

    /// <summary>Makes something on all ranks at once. Where one fails, what the others made is disposed.</summary>
    /// <param name="make">Given the rank.</param>
    /// <returns>What each made; the caller disposes it.</returns>
    public T[] Collect<T>(Func<int, T> make)
        where T : class, IDisposable
    {
        var made = new T?[names.Count];
        try
        {
            OnAll(rank => made[rank] = make(rank));
            return made!;
        }
        catch
        {
            _ = Disposal.All(made.OfType<T>());
            throw;
        }
    }

    /// <summary>Does something on all ranks at once.</summary>
    /// <param name="work">Given the rank.</param>
    public void OnAll(Action<int> work)
    {
        if (_lost is { } reason)
        {
            throw new LocalBloomException(reason);
        }

        if (_isBroken)
        {
            ThrowIfJustTried();
            AwaitEnd();
        }

        var errors = new Exception?[names.Count];
        int? late;
        lock (launching)
        {
            Launch(work, errors);
            late = Missing(patience.Step);
            if (late is not null)
            {
                link.Break(); // nothing waits on a device any more, so that others may launch
            }
        }

        // A late rank keeps no other model waiting.
        if (late is int rank)
        {
            _isBroken = true;
            ThrowIfLost();
            errors[rank] = errors[rank] is { } error and not RankLostException ? error : new RankLostException($"it took {patience.Step.TotalSeconds:0.##} s longer than the first rank to compute a step, which ends for all.");
        }

        ThrowFirst(errors);
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
    /// <exception cref="StillInUseException">A rank has not come back: memory and link must stay for it.</exception>
    public void Dispose()
    {
        // One that is lost has had its time; the others are idle.
        TimeSpan time = _lost is null ? Timeout.InfiniteTimeSpan : TimeSpan.Zero;
        bool[] haveEnded = [.. _others.Select(thread => thread.TryEnd(time))];
        int lost = Array.IndexOf(haveEnded, false) + 1;
        if (lost > 0)
        {
            throw new StillInUseException(
                $"Rank {lost} on {names[lost]} has not come back from its last step and may still use the memory of all ranks, which is therefore not given back. " +
                "Restart the application to free it.");
        }
    }

    // Before the order of launches is taken: other models need not wait for that.
    private void AwaitEnd()
    {
        try
        {
            link.AwaitEnd();
        }
        catch (StillInUseException e)
        {
            _lost = e.Message;
            throw;
        }
    }

    // Within the order of launches, in which other models wait.
    private void Renew()
    {
        long start = Time.GetTimestamp();
        try
        {
            link.Renew();
        }
        catch (Exception e)
        {
            long end = Time.GetTimestamp();
            _notRenewed = new FailedRenewal(e, Time.GetElapsedTime(start, end), end);
            throw;
        }
    }

    // After a long renewal that failed, other models have as long for themselves before it is tried again: requests fail for the same reason meanwhile.
    private void ThrowIfJustTried()
    {
        if (_notRenewed is { } failed && failed.Took > s_quick && Time.GetElapsedTime(failed.At) < failed.Took)
        {
            throw new LocalBloomException(failed.Error.Message, failed.Error);
        }
    }

    private void Launch(Action<int> work, Exception?[] errors)
    {
        if (_isBroken)
        {
            Renew();
            (_isBroken, _notRenewed) = (false, null);
        }

        for (int i = 0; i < _others.Length; i++)
        {
            int rank = i + 1;
            _others[i].Start(() => Try(rank));
        }

        Try(0);

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

    // The first rank that does not end in time.
    private int? Missing(TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < _others.Length; i++)
        {
            TimeSpan left = time - Stopwatch.GetElapsedTime(start);
            if (!_others[i].Wait(left > TimeSpan.Zero ? left : TimeSpan.Zero))
            {
                return i + 1;
            }
        }

        return null;
    }

    private void ThrowIfLost()
    {
        if (Missing(patience.Grace) is int rank)
        {
            _lost = $"Rank {rank} on {names[rank]} did not complete its step within {(patience.Step + patience.Grace).TotalSeconds:0} s. " +
                "Its device may be lost; restart the application.";
            throw new LocalBloomException(_lost);
        }
    }

    private void ThrowFirst(Exception?[] errors)
    {
        for (int i = 0; i < _others.Length; i++)
        {
            errors[i + 1] ??= _others[i].Error;
        }

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

    private sealed record FailedRenewal(Exception Error, TimeSpan Took, long At);
}
