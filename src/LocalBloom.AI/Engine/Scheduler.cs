using LocalBloom.AI.Model;

namespace LocalBloom.AI.Engine;

/// <summary>Decides what each step computes: one token of every reply under way, and of prompts what else the step has room for.</summary>
/// <param name="pool">The cache's blocks.</param>
/// <param name="maxRows">The most tokens of a step.</param>
/// <param name="promptRows">The most tokens of prompts in a step in which others get their next token: they wait for it.</param>
/// <param name="maxSequences">The most sequences at once; at most <paramref name="maxRows"/>.</param>
/// <remarks>
/// Older requests go first. Where blocks run out, the youngest sequence gives its own back and is computed again once there is room: its
/// caller only waits longer. Belongs to the engine thread.
/// </remarks>
internal sealed class Scheduler(CacheBlockPool pool, int maxRows, int promptRows, int maxSequences)
{
    private readonly List<Generation> _running = [];

    /// <summary>Gets the requests under way, oldest first.</summary>
    public IReadOnlyList<Generation> Running => _running;

    /// <summary>Gets how many sequences were made to give their blocks back.</summary>
    public long Preemptions { get; private set; }

    /// <summary>Gets whether a request can begin now.</summary>
    public bool HasRoomFor(Generation generation) =>
        _running.Count == 0 ||
        (_running.Sum(running => running.MaxSequences) + generation.MaxSequences <= maxSequences
            && !_running.Any(running => running.Sequences.Any(IsPreempted))
            && pool.FreeCount >= Needed(generation.Sequences[0]) + _running.Sum(running => running.Sequences.Count));

    /// <summary>Begins a request.</summary>
    public void Admit(Generation generation) => _running.Add(generation);

    /// <summary>Forgets requests that are done.</summary>
    public void RemoveDone() => _running.RemoveAll(generation => generation.Sequences.Count == 0);

    /// <summary>Chooses what the next step computes, and gives it blocks.</summary>
    /// <returns>Nothing to compute only if nothing is under way.</returns>
    public ScheduledStep Next()
    {
        var step = new ScheduledStep();
        foreach (Generation generation in _running.ToArray())
        {
            Sequence[] next = [.. generation.Sequences.Where(sequence => sequence.Pending == 1 && sequence.Computed > 0)];
            if (generation.IsLockstep && next.Length < generation.Sequences.Count)
            {
                continue; // some were preempted and must catch up
            }

            foreach (Sequence sequence in next)
            {
                _ = sequence.Pending == 1 && TrySchedule(step, sequence, 1); // an older one may have taken its blocks meanwhile
            }
        }

        int room = step.RowCount == 0 ? maxRows : Math.Min(maxRows - step.RowCount, promptRows);
        foreach (Sequence sequence in _running.SelectMany(running => running.Sequences).ToArray())
        {
            int wanted = sequence.Generation.IsLockstep && sequence.Generation.Sequences.Count > 1 ? sequence.Pending - 1 : sequence.Pending;
            int rows = Math.Min(room, wanted);
            bool isPrompt = sequence.Pending > 1 || sequence.Computed == 0;
            if (rows > 0 && isPrompt && (!IsPreempted(sequence) || CanResume(sequence)) && TrySchedule(step, sequence, rows))
            {
                room -= rows;
            }
        }

        return step;
    }

    private static bool IsPreempted(Sequence sequence) => sequence.Computed == 0 && sequence.NewTokens > 0;

    private static int Needed(Sequence sequence) => LayerCache.BlockCount(sequence.Tokens.Count + 1);

    private bool CanResume(Sequence sequence) =>
        pool.FreeCount >= Needed(sequence) || !_running.SelectMany(running => running.Sequences).Any(other => other.Blocks.Count > 0);

    private bool TrySchedule(ScheduledStep step, Sequence sequence, int rows)
    {
        int firstBlock = sequence.Computed / LayerCache.BlockSize;
        int blocks = LayerCache.BlockCount(sequence.Computed + rows);
        for (int i = firstBlock; i < blocks; i++)
        {
            bool exists = i < sequence.Blocks.Count;
            if (exists && !pool.IsShared(sequence.Blocks[i]))
            {
                continue;
            }

            int block;
            while (!pool.TryAllocate(i > 0 ? sequence.Blocks[i - 1] : -1, out block))
            {
                if (PreemptYoungest(step, sequence))
                {
                    return false;
                }
            }

            if (exists)
            {
                step.Copy(sequence.Blocks[i], block); // copied on write: the others keep what they share
                pool.Release(sequence.Blocks[i]);
                sequence.Blocks[i] = block;
            }
            else
            {
                sequence.Blocks.Add(block);
            }
        }

        step.Add(sequence, rows);
        return true;
    }

    // Returns whether it is the one that asks.
    private bool PreemptYoungest(ScheduledStep step, Sequence asking)
    {
        Sequence youngest = _running.SelectMany(running => running.Sequences).Last(sequence => sequence.Blocks.Count > 0 || sequence == asking);
        Sequence[] preempted = youngest.Generation.IsLockstep ? [.. youngest.Generation.Sequences] : [youngest];
        foreach (Sequence sequence in preempted)
        {
            sequence.Release(pool);
            step.Remove(sequence);
            Preemptions++;
        }

        return preempted.Contains(asking);
    }
}
