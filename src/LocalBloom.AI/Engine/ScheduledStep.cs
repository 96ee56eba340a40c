using LocalBloom.AI.Model;

namespace LocalBloom.AI.Engine;

/// <summary>What a step computes: tokens of some sequences, and which of them ask for more.</summary>
internal sealed class ScheduledStep
{
    private readonly List<(Sequence Sequence, int Rows)> _parts = [];
    private readonly List<BlockCopy> _copies = [];

    /// <summary>Gets the sequences and how many of their tokens are computed.</summary>
    public IReadOnlyList<(Sequence Sequence, int Rows)> Parts => _parts;

    /// <summary>Gets how many tokens are computed.</summary>
    public int RowCount { get; private set; }

    /// <summary>Adds a sequence, whose blocks are there.</summary>
    public void Add(Sequence sequence, int rows)
    {
        _parts.Add((sequence, rows));
        RowCount += rows;
    }

    /// <summary>Adds a copy of a block, made before the step.</summary>
    public void Copy(int from, int to) => _copies.Add(new BlockCopy(from, to));

    /// <summary>Takes a sequence out.</summary>
    public void Remove(Sequence sequence)
    {
        RowCount -= _parts.Where(part => part.Sequence == sequence).Sum(part => part.Rows);
        _parts.RemoveAll(part => part.Sequence == sequence);
    }

    /// <summary>Makes the model's plan of it.</summary>
    public StepPlan ToPlan()
    {
        var ids = new List<int>(RowCount);
        var segments = new List<StepSegment>();
        var logitRows = new List<int>();
        var pooled = new List<int>();
        foreach ((Sequence sequence, int rows) in _parts)
        {
            segments.Add(new StepSegment(ids.Count, rows, sequence.Computed, [.. sequence.Blocks]));
            ids.AddRange(sequence.Tokens.GetRange(sequence.Computed, rows));
            if (sequence.Generation.WantsHidden)
            {
                pooled.Add(segments.Count - 1);
            }
            else if (rows == sequence.Pending)
            {
                logitRows.Add(ids.Count - 1);
            }
        }

        return new StepPlan([.. ids], [.. segments], [.. logitRows]) { Copies = [.. _copies], PooledSegments = [.. pooled] };
    }
}
