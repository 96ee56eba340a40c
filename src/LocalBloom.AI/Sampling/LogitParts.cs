using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Sampling;

/// <summary>Rows of logits, or of what was made of them: whole, or in slices of the vocabulary that lie on several devices.</summary>
/// <remarks>
/// Single values travel between devices, and candidates; whole rows only where <see cref="Whole"/> asks for them. What is combined comes to the first
/// slice's device. Results are in the caller's dispose scope.
/// </remarks>
/// <param name="slices">[rows, a slice of the vocabulary] each, in order, float32.</param>
/// <param name="copying">Held while a copy between devices is launched; see <see cref="Execution.LaunchOrder"/>.</param>
internal sealed class LogitParts(IReadOnlyList<Tensor> slices, Lock copying)
{
    /// <summary>Gets the device where combined values are.</summary>
    public Device Device => slices[0].device;

    /// <summary>Gets how many rows there are.</summary>
    public long Rows => slices[0].size(0);

    /// <summary>Gets a row's length.</summary>
    public long Vocabulary => slices.Sum(slice => slice.size(1));

    /// <summary>Gets the slices and the token with which each begins.</summary>
    public IEnumerable<(Tensor Slice, long First)> Slices
    {
        get
        {
            long first = 0;
            foreach (Tensor slice in slices)
            {
                yield return (slice, first);
                first += slice.size(1);
            }
        }
    }

    /// <summary>Takes rows that are whole.</summary>
    public static LogitParts Of(Tensor rows) => new([rows], new Lock());

    /// <summary>Gets some rows.</summary>
    public LogitParts Select(int[] rows) => With(slices.Select(slice => slice.index_select(0, Indices(rows, slice.device))));

    /// <summary>Gets the rows minus a value for each.</summary>
    /// <param name="column">[rows].</param>
    public LogitParts Less(Tensor column) => With(slices.Select(slice => slice - Move(column, slice.device).unsqueeze(1)));

    /// <summary>Divides the rows by a value for each, in place.</summary>
    /// <param name="column">[rows, 1], float32.</param>
    public LogitParts DivideBy(Tensor column)
    {
        foreach (Tensor slice in slices)
        {
            slice.div_(Move(column, slice.device));
        }

        return this;
    }

    /// <summary>Gets each row's largest value and its token: the lowest of equals.</summary>
    /// <returns>[rows] each.</returns>
    public (Tensor Values, Tensor Ids) Max()
    {
        if (slices.Count == 1)
        {
            return slices[0].max(1);
        }

        (Tensor Values, Tensor Ids)[] largest = [.. Slices.Select(part => Max(part.Slice, part.First))];
        (Tensor values, Tensor which) = stack([.. largest.Select(part => part.Values)], 1).max(1);
        return (values, stack([.. largest.Select(part => part.Ids)], 1).gather(1, which.unsqueeze(1)).squeeze(1));
    }

    /// <summary>Gets each row's largest values and their tokens, largest first.</summary>
    /// <param name="count">How many, at most <see cref="Vocabulary"/>.</param>
    /// <returns>[rows, count] each.</returns>
    public (Tensor Values, Tensor Ids) Top(int count)
    {
        if (slices.Count == 1)
        {
            return slices[0].topk(count, 1, largest: true, sorted: true);
        }

        (Tensor Values, Tensor Ids)[] tops = [.. Slices.Select(part => Top(part.Slice, part.First, count))];
        (Tensor values, Tensor which) = cat([.. tops.Select(top => top.Values)], 1).topk(count, 1, largest: true, sorted: true);
        return (values, cat([.. tops.Select(top => top.Ids)], 1).gather(1, which));
    }

    /// <summary>Gets each row's sum of exponentials, [rows, 1], float64.</summary>
    public Tensor SumOfExponentials()
    {
        IEnumerable<Tensor> sums = slices.Select(slice => Move(slice.exp().sum(1, keepdim: true, ScalarType.Float64), Device));
        return sums.Aggregate((sum, next) => sum + next);
    }

    /// <summary>Gets a value of each row.</summary>
    /// <param name="ids">A token for each row, [rows].</param>
    /// <returns>[rows].</returns>
    public Tensor At(Tensor ids)
    {
        IEnumerable<Tensor> values = Slices.Select(part =>
        {
            long width = part.Slice.size(1);
            using Scalar first = part.First.ToScalar(), end = width.ToScalar(), last = (width - 1).ToScalar();
            Tensor at = Move(ids, part.Slice.device) - first;
            Tensor isThere = (at >= Scalars.Zero).logical_and(at < end);
            Tensor value = part.Slice.gather(1, at.clamp(Scalars.Zero, last).unsqueeze(1)).squeeze(1);
            return Move(value.masked_fill(isThere.logical_not(), Scalars.Zero), Device);
        });
        return values.Aggregate((sum, next) => sum + next); // of one value and zeros
    }

    /// <summary>Gets whole rows, [rows, vocabulary].</summary>
    public Tensor Whole() => slices.Count == 1 ? slices[0] : cat([.. slices.Select(slice => Move(slice, Device))], 1);

    /// <summary>Uploads row numbers.</summary>
    public static Tensor Indices(int[] indices, Device device) => tensor(indices.Select(i => (long)i).ToArray(), ScalarType.Int64, device);

    private LogitParts With(IEnumerable<Tensor> changed) => new([.. changed], copying);

    private Tensor Move(Tensor tensor, Device device)
    {
        if (tensor.device.type == device.type && tensor.device.index == device.index)
        {
            return tensor;
        }

        lock (copying)
        {
            return tensor.to(device);
        }
    }

    private (Tensor Values, Tensor Ids) Max(Tensor slice, long first)
    {
        (Tensor values, Tensor ids) = slice.max(1);
        return (Move(values, Device), Move(ids + first, Device));
    }

    private (Tensor Values, Tensor Ids) Top(Tensor slice, long first, int count)
    {
        (Tensor values, Tensor ids) = slice.topk((int)Math.Min(count, slice.size(1)), 1, largest: true, sorted: true);
        return (Move(values, Device), Move(ids + first, Device));
    }
}
