using System.Diagnostics;
using LocalBloom.AI.Collectives;
using LocalBloom.AI.Kernels;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Placement;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>peersum.cu on two GPUs and more against sums on the host.</summary>
[Collection(nameof(BothGpus))]
public sealed class PeerLinkTests
{
    private const int MostRows = 512;
    private const int MostRanks = 4;

    private static readonly int[] s_widths = [4, 68, 1024, 4096];
    private static readonly int[] s_rows = [1, 1, 3, 170, 2, MostRows, 1, 7, 7]; // the grid changes, and each buffer is written again

    private static readonly bool[] s_forms = [false, true];

    public static TheoryData<ScalarType, int, bool, int> Shapes =>
    [
        .. from type in new[] { ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16 }
           from width in s_widths
           from isInSlices in s_forms
           from count in Enumerable.Range(2, MostRanks - 1)
           select new TheoryDataRow<ScalarType, int, bool, int>(type, width, isInSlices, count),
    ];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Sums_AreTheScalarReference_OnEachRank_OverAndOver(ScalarType type, int width, bool isInSlices, int count)
    {
        using var ranks = new Ranks(width, type, TimeSpan.FromSeconds(10), isInSlices, count);
        using var generator = new Generator((ulong)width, CPU);
        Tensor Random(params long[] shape) => randn(shape, generator: generator) * 3;
        foreach (int rows in s_rows)
        {
            Tensor[] parts = [.. Enumerable.Range(0, count).Select(_ => Random(rows, width))];
            Tensor residual = Random(rows, width).to_type(type);
            Tensor? bias = rows % 2 == 1 ? Random(width).to_type(type) : null;

            Tensor[] results = ranks.Sum(parts, residual, bias);

            float[] wanted = Reference(parts, residual, bias, type);
            Assert.All(results, result => Assert.Equal(wanted, result.data<float>().ToArray()));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RankThatDoesNotCome_IsToldOf_AndTheNextSumIsRight(bool isInSlices)
    {
        using var ranks = new Ranks(64, ScalarType.Float16, TimeSpan.FromMilliseconds(300), isInSlices, Ranks.Most);
        using Tensor residual = ones([2, 64], ScalarType.Float16, new Device(DeviceType.CUDA, 0));
        ranks.Link.Confirm();

        int last = ranks.Count - 1;
        for (int rank = 1; rank < last; rank++)
        {
            using Tensor other = ones([2, 64], ScalarType.Float16, new Device(DeviceType.CUDA, rank));
            ranks.Link.Of(rank).AddSum(other, bias: null);
        }

        ranks.Link.Of(0).Partial(2).zero_();
        ranks.Link.Of(0).AddSum(residual, bias: null);

        Assert.True(residual.cpu().to_type(ScalarType.Float32).isnan().all().item<bool>()); // no wrong number passes for a right one
        RankLostException error = Assert.Throws<RankLostException>(ranks.Link.Confirm);
        Assert.Contains($"rank {last} on cuda:{last}", error.Message, StringComparison.Ordinal);
        ranks.Link.Renew();
        Tensor[] results = ranks.Sum([.. Enumerable.Repeat(ones(2, 64), ranks.Count)], ones([2, 64], ScalarType.Float16), bias: null);
        Assert.All(results, result => Assert.All(result.data<float>().ToArray(), value => Assert.Equal(1 + ranks.Count, value)));
    }

    [Fact]
    public void Break_EndsAWaitLongBeforeItsBound()
    {
        using var ranks = new Ranks(64, ScalarType.Float32, TimeSpan.FromMinutes(5));
        using Tensor residual = ones([1, 64], ScalarType.Float32, new Device(DeviceType.CUDA, 0));
        ranks.Link.Of(0).Partial(1).zero_();
        ranks.Link.Of(0).AddSum(residual, bias: null);

        ranks.Link.Break();

        Assert.True(residual.cpu().isnan().all().item<bool>()); // returns: a hang would end with the test run's time
        Assert.Throws<RankLostException>(ranks.Link.Confirm);
        ranks.Link.Renew();
        ranks.Link.Confirm();
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(8, false)]
    [InlineData(32, false)]
    [InlineData(64, false)]
    [InlineData(170, false)]
    [InlineData(MostRows, false)]
    [InlineData(1, true)]
    [InlineData(64, true)]
    [InlineData(170, true)]
    [InlineData(MostRows, true)]
    public void ManySumsInARow_AreAllComplete(int rows, bool isInSlices)
    {
        using var ranks = new Ranks(4096, ScalarType.Float16, TimeSpan.FromSeconds(10), isInSlices, isInSlices ? Ranks.Most : 2);

        (double alone, float[][] afterSome) = ranks.Repeat(rows, times: 100, perWait: 1);
        (double together, float[][] afterAll) = ranks.Repeat(rows, times: 400, perWait: 400);

        ranks.Link.Confirm();
        Assert.All(afterSome, rank => Assert.All(rank, value => Assert.Equal(Half(ranks.Count, 100), value)));
        Assert.All(afterAll, rank => Assert.All(rank, value => Assert.Equal(Half(ranks.Count, 100 + 400), value)));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{ranks.Count} ranks, {rows} rows of 4096, {rows * 16384 / 1e6:0.00} MB{(isInSlices ? ", in slices, parts filled each time" : "")}: " +
            $"{together:0.0} us a sum in a row of 400, {alone:0.0} us with a wait of the host after each");
    }

    // Of sums that add 1 of each rank, in float16: whole numbers up to 2048 are themselves.
    private static float Half(int ranks, int sums)
    {
        int sum = ranks * sums;
        Assert.InRange(sum, 0, 2048);
        return sum;
    }

    private static float[] Reference(Tensor[] parts, Tensor residual, Tensor? bias, ScalarType type)
    {
        float[][] summands = [.. parts.Select(part => part.data<float>().ToArray())];
        float[] stream = residual.to_type(ScalarType.Float32).data<float>().ToArray();
        float[]? added = bias?.to_type(ScalarType.Float32).data<float>().ToArray();
        var sums = new float[stream.Length];
        for (int i = 0; i < sums.Length; i++)
        {
            float sum = summands[0][i];
            for (int rank = 1; rank < summands.Length; rank++)
            {
                sum += summands[rank][i]; // in the order of the ranks
            }

            sum = added is null ? sum : sum + added[i % added.Length];
            sums[i] = sum + stream[i];
        }

        return tensor(sums).to_type(type).to_type(ScalarType.Float32).data<float>().ToArray();
    }

    private sealed class Ranks : IDisposable
    {
        private readonly DisposeScope _scope;
        private readonly DeviceArena[] _arenas;
        private readonly RankBuffers[] _buffers;
        private readonly bool _isInSlices;
        private bool _isFilled;

        public Ranks(int width, ScalarType type, TimeSpan patience, bool isInSlices = false, int count = 2)
        {
            _isInSlices = isInSlices;
            Cuda.Require(count);
            int[] devices = [.. Enumerable.Range(0, count)];
            var native = TorchNative.Load(null);
            CudaDriver driver = CudaDriver.TryOpen()!;
            var peers = new CudaPeers(driver);
            Assert.SkipWhen(PeerLink.Problem(peers.CanReach, devices, width) is not null, "These GPUs cannot reach each other's memory.");
            _scope = NewDisposeScope();
            BloomConfig config = BloomConfig.ForShape($"1,{width},{MostRanks},64");
            Shard[] shards = [.. devices.Select(rank => new Shard(rank, count))];
            _arenas = [.. shards.Select((shard, i) => new DeviceArena(
                native, driver, new BloomDevice(DeviceKind.Cuda, i), RankBuffers.SizeOf(config, shard, type, MostRows)))];
            _buffers = [.. shards.Select((shard, i) => RankBuffers.Allocate(_arenas[i], config, shard, type, MostRows))];
            Link = new PeerLink(native, new KernelCompiler(Nvrtc.TryOpen(native.Folder)!, driver), peers, devices, _buffers, type, patience, isInSlices);
        }

        // With two, production has no slices.
        public static int Most => Math.Clamp(Cuda.Count, 2, MostRanks);

        public int Count => _buffers.Length;

        public PeerLink Link { get; }

        public Tensor[] Sum(Tensor[] parts, Tensor residual, Tensor? bias)
        {
            Tensor[] streams = [.. parts.Select((part, rank) =>
            {
                var device = new Device(DeviceType.CUDA, rank);
                Tensor stream = residual.to(device);
                Link.Of(rank).Partial((int)part.shape[0]).copy_(part);
                Link.Of(rank).AddSum(stream, bias?.to(device));
                return stream;
            })];
            return [.. streams.Select(stream => stream.cpu().to_type(ScalarType.Float32))];
        }

        // Each sum adds 1 of each rank. Microseconds a sum, one thread launching for all; and the streams, which begin at 0.
        public (double Microseconds, float[][] Streams) Repeat(int rows, int times, int perWait)
        {
            Tensor[] streams = [.. _buffers.Select(rank => rank.Work.Stream.narrow(0, 0, rows))];
            if (!_isFilled)
            {
                Array.ForEach(_buffers, rank => rank.Parts.fill_(1));
                Array.ForEach(_buffers, rank => rank.Work.Stream.zero_());
                _isFilled = true;
            }

            Synchronize();
            long start = Stopwatch.GetTimestamp();
            for (int i = 1; i <= times; i++)
            {
                for (int rank = 0; rank < streams.Length; rank++)
                {
                    if (_isInSlices)
                    {
                        Link.Of(rank).Partial(rows).fill_(1); // a slice of the sum has come in its place
                    }

                    Link.Of(rank).AddSum(streams[rank], bias: null);
                }

                if (i % perWait == 0)
                {
                    Synchronize();
                }
            }

            double microseconds = Stopwatch.GetElapsedTime(start).TotalMicroseconds / times;
            return (microseconds, [.. streams.Select(stream => stream.cpu().to_type(ScalarType.Float32).data<float>().ToArray())]);
        }

        private void Synchronize()
        {
            for (int device = 0; device < Count; device++)
            {
                cuda.synchronize(new Device(DeviceType.CUDA, device));
            }
        }

        public void Dispose()
        {
            Link.Dispose();
            Array.ForEach(_arenas, arena => arena.Dispose());
            _scope.Dispose();
        }
    }
}
