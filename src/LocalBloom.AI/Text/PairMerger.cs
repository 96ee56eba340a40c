using System.Buffers;
using System.Text;

namespace LocalBloom.AI.Text;

/// <summary>Byte-pair merging in O(n log n), for pieces on which the library's O(n²) is slow. Immutable and thread-safe.</summary>
internal sealed class PairMerger
{
    private const int None = -1;

    private readonly int[] _byteIds; // [256]
    private readonly Dictionary<TokenPair, Merge> _merges;

    /// <summary>Initializes a new instance of the <see cref="PairMerger"/> class.</summary>
    /// <param name="byteIds">[256] the token of each byte.</param>
    /// <param name="merges">Which pairs become which token; lower ranks merge first.</param>
    public PairMerger(int[] byteIds, Dictionary<TokenPair, Merge> merges) => (_byteIds, _merges) = (byteIds, merges);

    /// <summary>Appends the tokens of one piece of well-formed text.</summary>
    public void Encode(ReadOnlySpan<char> piece, List<int> ids)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(piece.Length));
        int count = Encoding.UTF8.GetBytes(piece, bytes);
        var symbols = new Symbol[count];
        for (int i = 0; i < count; i++)
        {
            symbols[i] = new Symbol { Id = _byteIds[bytes[i]], Previous = i - 1, Next = i + 1 < count ? i + 1 : None };
        }

        ArrayPool<byte>.Shared.Return(bytes);
        MergeAll(symbols);

        for (int i = 0; i != None; i = symbols[i].Next)
        {
            ids.Add(symbols[i].Id);
        }
    }

    /// <summary>Merges the pair of the lowest rank, the leftmost of equals, until none is left.</summary>
    /// <param name="symbols">[n] a linked list over the array; a merged pair keeps its left place.</param>
    private void MergeAll(Symbol[] symbols)
    {
        var queue = new PriorityQueue<Candidate, long>(symbols.Length);
        for (int i = 0; i < symbols.Length - 1; i++)
        {
            Consider(symbols, i, queue);
        }

        while (queue.TryDequeue(out Candidate candidate, out long place))
        {
            int left = (int)(place & uint.MaxValue);
            int right = symbols[left].Next;

            // A candidate is stale once either side has been merged away.
            if (symbols[left].Id != candidate.Pair.Left || right == None || symbols[right].Id != candidate.Pair.Right)
            {
                continue;
            }

            int next = symbols[right].Next;
            symbols[left].Id = candidate.Merged;
            symbols[left].Next = next;
            symbols[right].Id = None;
            if (next != None)
            {
                symbols[next].Previous = left;
                Consider(symbols, left, queue);
            }

            if (symbols[left].Previous != None)
            {
                Consider(symbols, symbols[left].Previous, queue);
            }
        }
    }

    private void Consider(Symbol[] symbols, int left, PriorityQueue<Candidate, long> queue)
    {
        var pair = new TokenPair(symbols[left].Id, symbols[symbols[left].Next].Id);
        if (_merges.TryGetValue(pair, out Merge merge))
        {
            queue.Enqueue(new Candidate(pair, merge.Id), ((long)merge.Rank << 32) | (uint)left); // by rank, then from left to right
        }
    }

    /// <summary>A token of the piece, linked to its neighbours by index; one that was merged away has the id <see cref="None"/>.</summary>
    private struct Symbol
    {
        public int Id;
        public int Previous;
        public int Next;
    }

    private readonly record struct Candidate(TokenPair Pair, int Merged);
}
