using LocalBloom.AI.Collectives;
using LocalBloom.AI.Execution;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Execution;

/// <summary>Ranks without models, which add up rows of eight numbers.</summary>
internal sealed class CpuRanks : IDisposable
{
    private const int Width = 8;

    private readonly Tensor[] _parts;

    public CpuRanks(int count, TimeSpan patience, TimeSpan? grace = null)
    {
        _parts = [.. Enumerable.Range(0, count).Select(_ => zeros(2, 4, Width))];
        Link = new LocalLink(_parts, patience);
        Group = new RankGroup(
            new BloomModel[count], [.. Enumerable.Range(0, count).Select(rank => $"cpu#{rank}")], Link, Launching, new RankPatience(patience, grace ?? patience));
    }

    public RankGroup Group { get; }

    public LocalLink Link { get; }

    public Lock Launching { get; } = new();

    // Adds up a value of each rank, beginning with 0.
    public float[] Add(int rank, float value)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor stream = zeros(2, Width);
        Link.Of(rank).Partial(2).fill_(value);
        Link.Of(rank).AddSum(stream, bias: null);
        return stream.data<float>().ToArray();
    }

    public void Dispose()
    {
        _ = Disposal.All([Group]);
        Link.Dispose();
        Array.ForEach(_parts, part => part.Dispose());
    }
}
