using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Tests.Engine;
using LocalBloom.AI.Tests.Strategies;
using LocalBloom.AI.Weights;

namespace LocalBloom.AI.Tests.Weights;

/// <summary>What loading takes and tells, for each reference checkpoint and strategy.</summary>
public abstract class WeightLoadingTests<TStrategy>(StrategyFixture<TStrategy> fixture) : IClassFixture<StrategyFixture<TStrategy>>
    where TStrategy : IStrategy
{
    public static TheoryData<string> Models => [.. Golden.Models];

    [Theory]
    [MemberData(nameof(Models))]
    public void Arenas_AreFilledToTheByte(string model)
    {
        IReadOnlyList<DeviceArena> arenas = fixture.Model(model).Loaded.Arenas;

        Assert.All(arenas, arena => Assert.Equal(arena.Capacity, arena.Used));
        Assert.All(arenas, arena => Assert.True(arena.Used > 0));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Progress_GrowsTensorByTensor_ToAllBytes(string model)
    {
        BloomConfig config = BloomConfigReader.Read(model);
        (string Name, long[] Shape)[] tensors = [.. BloomTensors.All(config)];
        var reports = new List<LoadProgress>();
        using var engine = new BloomEngine(StrategyFixture<TStrategy>.Options(model));

        await engine.LoadAsync(new CallingProgress(reports.Add), TestContext.Current.CancellationToken);

        int elementSize = StrategyFixture<TStrategy>.Options(model).NumberType is BloomNumberType.Float32 ? 4 : 2;
        long total = elementSize * tensors.Sum(tensor => tensor.Shape.Aggregate((product, size) => product * size));
        Assert.All(reports, report => Assert.Equal(total, report.BytesTotal));
        Assert.Equal(tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal), reports.Select(report => report.Current).Order(StringComparer.Ordinal));
        long loaded = 0;
        foreach (LoadProgress report in reports)
        {
            loaded += elementSize * tensors.First(tensor => tensor.Name == report.Current).Shape.Aggregate((product, size) => product * size);
            Assert.Equal(loaded, report.BytesLoaded);
        }

        Assert.Equal(total, loaded);
    }
}

public sealed class SingleDeviceCpuLoading(StrategyFixture<SingleDeviceCpu> fixture) : WeightLoadingTests<SingleDeviceCpu>(fixture);

public sealed class LayerSplitCpuLoading(StrategyFixture<LayerSplitCpu> fixture) : WeightLoadingTests<LayerSplitCpu>(fixture);

public sealed class Float16CpuLoading(StrategyFixture<Float16Cpu> fixture) : WeightLoadingTests<Float16Cpu>(fixture);

public sealed class BFloat16CpuLoading(StrategyFixture<BFloat16Cpu> fixture) : WeightLoadingTests<BFloat16Cpu>(fixture);

public sealed class OffloadCpuLoading(StrategyFixture<OffloadCpu> fixture) : WeightLoadingTests<OffloadCpu>(fixture);
