using LocalBloom.AI.Loading;
using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Tests.Loading;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Weights;

/// <summary>A checkpoint of int8 matrices, cut over ranks.</summary>
public class ShardedInt8Tests
{
    private static readonly TorchNative s_torch = TorchNative.Load(null);

    public static TheoryData<string> Models => [.. Golden.Models];

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Ranks_HaveTheStoredIntegersAndScales(string model)
    {
        using var folder = new TemporaryFolder();
        await BloomCheckpoint.QuantizeAsync(new() { Model = model }, folder.Path, cancellationToken: TestContext.Current.CancellationToken);
        using var single = new TestModel(new BloomChatClientOptions { Model = folder.Path, Strategy = BloomStrategy.SingleDevice, Devices = ["cpu"] });
        using var cut = new TestModel(new BloomChatClientOptions { Model = folder.Path, Strategy = BloomStrategy.TensorParallel, Devices = ["cpu#0", "cpu#1"] });
        Shard[] shards = [.. cut.Loaded.Plan.Shares.Select(share => share.Shard!)];
        using DisposeScope scope = NewDisposeScope();
        using var whole = new CheckpointWeights(Checkpoint.Open(folder.Path), s_torch);
        WeightFormat format = single.Loaded.Plan.Footprint.Format;
        Assert.Equal(2, shards.Length);
        Assert.True(format.IsInt8 && cut.Loaded.Plan.Footprint.Format.IsInt8);

        using var arena = new DeviceArena(s_torch, driver: null, new BloomDevice(DeviceKind.Cpu, 0), capacity: 1 << 24);
        Matrix[] expected = Load(whole, format, arena);
        Matrix[][] ranks = [.. shards.Select(shard => Load(new ShardedWeights(whole, shard), format, arena))];

        Assert.Equal(1 + (4 * whole.Config.LayerCount), expected.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            (bool areColumns, Tensor data, Tensor scales) = expected[i];
            Matrix[] parts = [.. ranks.Select(rank => rank[i])];
            AssertSame(data, cat([.. parts.Select(part => part.Data)], areColumns ? 1 : 0));
            if (areColumns)
            {
                Assert.All(parts, part => AssertSame(scales, part.Scales));
            }
            else
            {
                AssertSame(scales, cat([.. parts.Select(part => part.Scales)]));
            }
        }
    }

    private static Matrix[] Load(IWeightSource source, WeightFormat format, DeviceArena arena)
    {
        var loader = new WeightLoader(source, format, progress: null, TestContext.Current.CancellationToken);
        var matrices = new List<Matrix> { new(false, loader.LoadEnds(arena).Embedding) };
        for (int layer = 0; layer < source.Config.LayerCount; layer++)
        {
            using LayerLease lease = loader.LoadLayers(arena, layer, 1).Acquire(layer);
            LayerWeights weights = lease.Weights;
            matrices.AddRange([new(false, weights.QueryKeyValue), new(true, weights.Dense), new(false, weights.Up), new(true, weights.Down)]);
        }

        return [.. matrices];
    }

    private static void AssertSame(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.dtype, actual.dtype);
        Assert.Equal(expected.contiguous().bytes.ToArray(), actual.contiguous().bytes.ToArray());
    }

    // What a rank has of it: rows, or columns.
    private sealed record Matrix(bool AreColumns, Tensor Data, Tensor Scales)
    {
        public Matrix(bool areColumns, LinearWeights weights)
            : this(areColumns, weights.Weight, weights.Scales!)
        {
        }
    }
}
