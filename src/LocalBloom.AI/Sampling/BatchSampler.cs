using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Sampling;

/// <summary>Chooses the tokens of all sequences of a step together, on the device that holds the logits: only what was chosen comes to the host.</summary>
/// <remarks>A request's token depends on its own row and point alone. Belongs to the engine thread.</remarks>
internal static class BatchSampler
{
    // The head of a sorted vocabulary nearly always decides; sorting all of BLOOM's 250,880 entries for each token would cost more than a layer.
    private const int FirstLook = 1024;

    // Sorting whole rows takes some hundred bytes for each entry: few rows at a time, whatever the batch.
    private const int SortedAtOnce = 4;

    /// <summary>Gets the most bytes that choosing takes besides the logits.</summary>
    /// <param name="rows">The sequences of a step.</param>
    /// <param name="vocabulary">A row's length.</param>
    public static long TemporaryBytes(int rows, long vocabulary) => vocabulary * ((24L * rows) + (112L * Math.Min(rows, SortedAtOnce)));

    /// <summary>Chooses a token for each request.</summary>
    /// <param name="logits">Undefined afterwards.</param>
    /// <param name="requests">At least one.</param>
    /// <returns>A token for each request.</returns>
    public static SampledToken[] Sample(LogitParts logits, IReadOnlyList<SampleRequest> requests)
    {
        using DisposeScope scope = NewDisposeScope();
        LogitParts rows = Edit(RowsOf(logits, requests), requests);
        (Tensor peaks, Tensor best) = rows.Max();
        int[] drawn = [.. Enumerable.Range(0, requests.Count).Where(i => requests[i].Settings.Temperature > 0)];
        Tensor ids = best;
        if (drawn.Length == requests.Count)
        {
            ids = Draw(rows.Less(peaks), [.. requests]);
        }
        else if (drawn.Length > 0)
        {
            Tensor at = LogitParts.Indices(drawn, rows.Device);
            SampleRequest[] asked = [.. drawn.Select(i => requests[i])];
            ids = best.index_copy(0, at, Draw(rows.Select(drawn).Less(peaks.index_select(0, at)), asked));
        }

        // One copy to the host: ids below 2^53 are exact in double.
        double[] host = [.. stack([ids.to_type(ScalarType.Float64), peaks.to_type(ScalarType.Float64)]).cpu().data<double>()];
        var tokens = new SampledToken[requests.Count];
        for (int i = 0; i < tokens.Length; i++)
        {
            tokens[i] = new SampledToken((int)host[i], double.IsFinite(host[tokens.Length + i]), null, null);
        }

        AddLogProbabilities(rows, peaks, ids, requests, tokens);
        return tokens;
    }

    private static LogitParts RowsOf(LogitParts logits, IReadOnlyList<SampleRequest> requests)
    {
        bool isEach = logits.Rows == requests.Count && Enumerable.Range(0, requests.Count).All(i => requests[i].Row == i);
        return isEach ? logits : logits.Select([.. requests.Select(request => request.Row)]);
    }

    private static LogitParts Edit(LogitParts rows, IReadOnlyList<SampleRequest> requests)
    {
        foreach ((Tensor slice, long first) in rows.Slices)
        {
            var edits = new LogitEdits(first, slice.size(1));
            for (int i = 0; i < requests.Count; i++)
            {
                edits.Add(requests[i], i);
            }

            edits.ApplyTo(slice);
        }

        return rows;
    }

    // x: 0 at the peak; undefined afterwards. Returns ids, [rows].
    private static Tensor Draw(LogitParts x, SampleRequest[] requests)
    {
        LogitParts scaled = x.DivideBy(Columns(requests, x.Device, request => request.Settings.Temperature)[0].to_type(ScalarType.Float32)); // never above 0: no temperature overflows upwards
        long vocabulary = x.Vocabulary;
        long width = Math.Min(FirstLook, vocabulary);
        (Tensor ids, Tensor isCertain) = DrawAmong(scaled, requests, width);
        if (width == vocabulary)
        {
            return ids;
        }

        bool[] certain = [.. isCertain.cpu().data<bool>()];
        int[] open = [.. Enumerable.Range(0, requests.Length).Where(i => !certain[i])];
        if (open.Length == 0)
        {
            return ids;
        }

        foreach (int[] some in open.Chunk(SortedAtOnce))
        {
            using DisposeScope scope = NewDisposeScope();
            (Tensor rest, _) = DrawAmong(LogitParts.Of(scaled.Select(some).Whole()), [.. some.Select(i => requests[i])], vocabulary);
            ids.index_copy_(0, LogitParts.Indices(some, x.Device), rest);
        }

        return ids;
    }

    // Looks at the most probable tokens alone; what it says is certain where the rest cannot matter.
    private static (Tensor Ids, Tensor IsCertain) DrawAmong(LogitParts scaled, SampleRequest[] requests, long width)
    {
        Device device = scaled.Device;
        bool isAll = width == scaled.Vocabulary;
        using DisposeScope scope = NewDisposeScope();
        (Tensor values, Tensor ids) = scaled.Top((int)width);
        Tensor[] columns = Columns(
            requests,
            device,
            request => request.Settings.TopK,
            request => Math.Min(request.Settings.TopK is 0 ? width : request.Settings.TopK, width) - 1,
            request => request.Settings.TopP,
            request => request.Point);
        Tensor isCut = columns[0] > Scalars.Zero;
        Tensor last = columns[1].to_type(ScalarType.Int64);
        Tensor threshold = values.gather(1, last).masked_fill(isCut.logical_not(), Scalars.MinusInfinity); // as in transformers, equals of the k-th are kept too
        Tensor weights = values.to_type(ScalarType.Float64).exp() * (values >= threshold).to_type(ScalarType.Float64);
        Tensor kept = weights.sum(1, keepdim: true);
        Tensor total = isAll ? kept : where(isCut, kept, scaled.SumOfExponentials());

        Tensor topP = columns[2];
        Tensor isNucleus = topP < Scalars.One;
        Tensor mass = weights.cumsum(1);
        weights = weights.masked_fill(isNucleus & ((mass - weights) >= topP * total), Scalars.Zero); // a token stays while those before it have less than p
        Tensor reached = weights.cumsum(1);
        Tensor sum = where(isNucleus, reached.narrow(1, width - 1, 1), total);
        Tensor target = columns[3] * sum;

        // Rounding may leave the sum a little below the target: then it is the last token that has a probability.
        Tensor index = (reached <= target).sum(1, keepdim: true).minimum((weights > Scalars.Zero).sum(1, keepdim: true) - Scalars.One).clamp_min(Scalars.Zero); // not numbers: reported by the peak
        Tensor isCutWithin = isCut & (values.narrow(1, width - 1, 1) < threshold);
        Tensor hasNucleus = isCut.logical_not() & isNucleus & (mass.narrow(1, width - 1, 1) >= topP * total);
        Tensor hasTarget = isCut.logical_not() & isNucleus.logical_not() & (reached.narrow(1, width - 1, 1) > target);
        return (ids.gather(1, index).squeeze(1).MoveToOuterDisposeScope(), (isCutWithin | hasNucleus | hasTarget).squeeze(1).MoveToOuterDisposeScope());
    }

    private static void AddLogProbabilities(LogitParts rows, Tensor peaks, Tensor ids, IReadOnlyList<SampleRequest> requests, SampledToken[] tokens)
    {
        int[] asked = [.. Enumerable.Range(0, requests.Count).Where(i => requests[i].Settings.TopLogProbabilities is not null)];
        if (asked.Length == 0)
        {
            return;
        }

        Tensor at = LogitParts.Indices(asked, rows.Device);
        LogitParts x = rows.Select(asked).Less(peaks.index_select(0, at));
        Tensor normalizer = x.SumOfExponentials().log(); // [asked, 1]
        float[] chosen = [.. (x.At(ids.index_select(0, at)) - normalizer.squeeze(1)).to_type(ScalarType.Float32).cpu().data<float>()];
        int most = (int)Math.Min(rows.Vocabulary, asked.Max(i => requests[i].Settings.TopLogProbabilities!.Value));
        (Tensor values, Tensor best) = x.Top(Math.Max(1, most));
        float[] topValues = [.. (values - normalizer).to_type(ScalarType.Float32).cpu().data<float>()];
        long[] topIds = [.. best.cpu().data<long>()];
        int stride = Math.Max(1, most);
        for (int i = 0; i < asked.Length; i++)
        {
            int count = Math.Min(most, requests[asked[i]].Settings.TopLogProbabilities!.Value);
            TokenLogProbability[] top = [.. Enumerable.Range(i * stride, count).Select(j => new TokenLogProbability((int)topIds[j], topValues[j]))];
            tokens[asked[i]] = tokens[asked[i]] with { LogProbability = chosen[i], Top = top };
        }
    }

    // A value of each request in each column, [requests, 1], float64. One upload for all: each waits for the device.
    private static Tensor[] Columns(SampleRequest[] requests, Device device, params Func<SampleRequest, double>[] values)
    {
        Tensor all = tensor(values.SelectMany(requests.Select).ToArray(), ScalarType.Float64, device).view(values.Length, -1, 1);
        return [.. Enumerable.Range(0, values.Length).Select(column => all[column])];
    }
}
