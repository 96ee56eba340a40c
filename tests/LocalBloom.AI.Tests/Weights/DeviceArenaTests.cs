using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Testing;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Weights;

[Collection(nameof(AloneInTheProcess))]
public class DeviceArenaTests
{
    private static readonly TorchNative s_torch = TorchNative.Load(null);

    // Every residue around the alignment.
    private static readonly long[] s_lengths = [1, 2, 3, 127, 128, 129, 255, 256, 257, 1000];

    [Fact]
    public void Allocate_AlignsAndKeepsTensorsApart_AndFillsExactly()
    {
        ScalarType[] types = [ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int8];
        long capacity = types.Sum(type => s_lengths.Sum(length => DeviceArena.SizeOf(type, length)));
        using DeviceArena arena = Create(capacity);

        Tensor[] tensors = [.. types.SelectMany(type => s_lengths.Select(length => arena.Allocate(type, length)))];
        for (int i = 0; i < tensors.Length; i++)
        {
            tensors[i].fill_(i);
        }

        Assert.Equal((capacity, capacity), (arena.Used, arena.Capacity));
        Assert.All(tensors, tensor => Assert.Equal(0, Address(tensor) % DeviceArena.Alignment));
        for (int i = 0; i < tensors.Length; i++)
        {
            Assert.True(tensors[i].eq(i).all().item<bool>(), $"tensor {i} was overwritten");
        }
    }

    [Theory]
    [InlineData(0, 256)]
    [InlineData(1, 256)]
    [InlineData(128, 256)]
    [InlineData(129, 512)]
    public void SizeOf_RoundsUpToTheAlignment_ButNothingTakesNothing(long length, long bytes) =>
        Assert.Equal(length == 0 ? 0 : bytes, DeviceArena.SizeOf(ScalarType.Float16, length));

    [Fact]
    public void SizeOf_BeyondAllMemory_Overflows() =>
        Assert.Throws<OverflowException>(() => DeviceArena.SizeOf(ScalarType.Float32, 1L << 40, 1L << 40));

    [Fact]
    public void Allocate_BeyondTheCapacity_SaysBothNumbers_AndTakesNothing()
    {
        using DeviceArena arena = Create(1024);
        arena.Allocate(ScalarType.Float32, 128);

        string message = Assert.Throws<InvalidOperationException>(() => arena.Allocate(ScalarType.Float32, 129)).Message;

        Assert.Equal("The plan for cpu reserved 1024 bytes, but 1280 are needed.", message);
        Assert.Equal(512, arena.Used);
        arena.Allocate(ScalarType.Float32, 128);
        Assert.Equal(1024, arena.Used);
    }

    [Fact]
    public void Constructor_MoreThanTheMachineHas_SaysWhatToDo() =>
        Assert.Contains("Lower MaxContextTokens", Assert.Throws<PlacementException>(() => Create(1L << 60)).Message, StringComparison.Ordinal);

    [Fact]
    public void Dispose_GivesMemoryBack_AndEndsItsTensors()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "RssAnon is Linux's.");
        const long Capacity = 256 << 20;
        const long Slack = 8 << 20; // what the runtime does meanwhile
        long before = AloneInTheProcess.Memory();
        DeviceArena arena = Create(Capacity);
        Tensor tensor = arena.Allocate(ScalarType.Float32, Capacity / 4);
        Tensor view = arena.Own(tensor.view(-1, 2));
        tensor.fill_(1);

        Assert.InRange(ProcessMemory.Anonymous() - before, Capacity - Slack, Capacity + Slack);
        arena.Dispose();
        arena.Dispose();

        Assert.InRange(AloneInTheProcess.Memory() - before, long.MinValue, Slack);
        Assert.True(tensor.IsInvalid);
        Assert.True(view.IsInvalid);
        Assert.Throws<ObjectDisposedException>(() => arena.Allocate(ScalarType.Float32, 1));
    }

    private static DeviceArena Create(long capacity) => new(s_torch, driver: null, BloomDevice.Parse("cpu"), capacity);

    private static unsafe long Address(Tensor tensor)
    {
        fixed (byte* address = tensor.bytes)
        {
            return (long)address;
        }
    }
}
