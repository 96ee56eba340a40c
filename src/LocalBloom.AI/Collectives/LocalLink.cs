using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Collectives;

/// <summary>Sums by torch, where the ranks' threads meet on the host: for CPUs, for parts of one device, and where nothing faster joins the devices.</summary>
/// <remarks>
/// There are two buffers for parts, used in turn, so that one meeting a sum is enough: whoever writes a buffer again has met, in between, all who read it.
/// On devices a meeting says that the parts' computation has been launched; their streams keep the order.
/// </remarks>
/// <param name="parts">Each rank's own buffers, [2, rows, width], float32, on its device.</param>
/// <param name="patience">How long a rank waits for the others.</param>
internal sealed class LocalLink(IReadOnlyList<Tensor> parts, TimeSpan patience) : IRankLink
{
    private readonly RankMeeting _meeting = new(parts.Count, patience);
    private readonly PartBuffers[] _own = [.. parts.Select(rank => new PartBuffers(rank))];

    /// <inheritdoc/>
    public ICollective Of(int rank) => new Member(this, _own[rank]);

    /// <inheritdoc/>
    public void Break() => _meeting.Break();

    /// <inheritdoc/>
    public void AwaitEnd()
    {
        // Devices wait for no rank here.
    }

    /// <inheritdoc/>
    public void Renew()
    {
        _meeting.Renew();
        Array.ForEach(_own, rank => rank.Reset());
    }

    /// <inheritdoc/>
    public void Confirm()
    {
        // Whoever did not come was missed at the meeting.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _meeting.Dispose();
        Array.ForEach(_own, rank => rank.Dispose());
    }

    private sealed class Member(LocalLink link, PartBuffers own) : ICollective
    {
        public Tensor Partial(int rows) => own.Next(rows);

        public void AddSum(Tensor residual, Tensor? bias)
        {
            link._meeting.Meet();
            using DisposeScope scope = NewDisposeScope();
            int rows = (int)residual.size(0);
            IEnumerable<Tensor> parts = link.PartsAt(own.Turn, rows).Select(part => part.to(residual.device));
            ResidualSum.Add(residual, parts.Aggregate((sum, next) => sum + next), bias);
            own.Advance();
        }
    }

    private IEnumerable<Tensor> PartsAt(int turn, int rows) => parts.Select(rank => rank[turn].narrow(0, 0, rows));
}
