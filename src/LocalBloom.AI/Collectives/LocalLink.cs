using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Collectives;

/// <summary>Sums by torch, where the ranks' threads meet on the host: for CPUs, for parts of one device, and for devices that cannot reach each other's memory.</summary>
/// <remarks>
/// There are two buffers for parts, used in turn, so that one meeting a sum is enough: whoever writes a buffer again has met, in between, all who read it.
/// On devices a meeting says that the parts' computation has been launched; their streams keep the order.
/// </remarks>
/// <param name="parts">Each rank's own buffers, [2, rows, width], float32, on its device.</param>
/// <param name="patience">How long a rank waits for the others.</param>
internal sealed class LocalLink(IReadOnlyList<Tensor> parts, TimeSpan patience) : IRankLink
{
    private readonly RankMeeting _meeting = new(parts.Count, patience);
    private Side[] _sides = Sides(parts.Count);

    /// <inheritdoc/>
    public ICollective Of(int rank) => new Member(this, rank);

    /// <inheritdoc/>
    public void Break() => _meeting.Break();

    /// <inheritdoc/>
    public void Renew()
    {
        _meeting.Renew();
        _sides = Sides(parts.Count);
    }

    /// <inheritdoc/>
    public void Confirm()
    {
        // Whoever did not come was missed at the meeting.
    }

    /// <inheritdoc/>
    public void Dispose() => _meeting.Dispose();

    private static Side[] Sides(int count) => [.. Enumerable.Range(0, count).Select(_ => new Side())];

    private sealed class Side
    {
        public int Turn { get; set; }
    }

    private sealed class Member(LocalLink link, int rank) : ICollective
    {
        private Side Own => link._sides[rank];

        public Tensor Partial(int rows) => Part(rank, rows);

        public void AddSum(Tensor residual, Tensor? bias)
        {
            link._meeting.Meet();
            using DisposeScope scope = NewDisposeScope();
            int rows = (int)residual.shape[0];
            Tensor sum = On(0) + On(1);
            for (int other = 2; other < link._sides.Length; other++)
            {
                sum.add_(On(other));
            }

            if (bias is not null)
            {
                sum.add_(bias);
            }

            residual.copy_(sum.add_(residual));
            Own.Turn ^= 1;

            Tensor On(int other) => Part(other, rows).to(residual.device);
        }

        private Tensor Part(int of, int rows) => link.PartOf(of, Own.Turn, rows);
    }

    private Tensor PartOf(int rank, int turn, int rows)
    {
        using Tensor buffer = parts[rank][turn];
        return buffer.narrow(0, 0, rows);
    }
}
