using System.Diagnostics;
using LocalBloom.AI.Collectives;
using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>Sums by NCCL on two GPUs against sums on the host. That these two may reach each other's memory does not matter to NCCL's callers.</summary>
[Collection(nameof(BothGpus))]
public sealed class NcclLinkTests
{
    private const int MostRows = 512;

    private static readonly NcclPatience s_patience = new(TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(10));
    private static readonly int[] s_widths = [4, 68, 1024, 4096];
    private static readonly int[] s_rows = [1, 1, 3, 170, 2, MostRows, 1, 7, 7];

    public static TheoryData<ScalarType, int> Shapes =>
    [
        .. from type in new[] { ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16 }
           from width in s_widths
           select new TheoryDataRow<ScalarType, int>(type, width),
    ];

    // Of two numbers there is one sum, whatever the order: only the rounding to the stream's type is left, and it is one.
    [Theory]
    [MemberData(nameof(Shapes))]
    public void Sums_AreTheScalarReference_AndTheSameBitsOnEachRank_OverAndOver(ScalarType type, int width)
    {
        using var ranks = new Ranks(width, s_patience);
        using var generator = new Generator((ulong)width, CPU);
        Tensor Random(params long[] shape) => randn(shape, generator: generator) * 3;
        foreach (int rows in s_rows)
        {
            Tensor[] parts = [Random(rows, width), Random(rows, width)];
            Tensor residual = Random(rows, width).to_type(type);
            Tensor? bias = rows % 2 == 1 ? Random(width).to_type(type) : null;

            float[][] results = ranks.Sum(parts, residual, bias);

            Tensor sum = parts[0] + parts[1];
            sum = bias is null ? sum : sum + bias.to_type(ScalarType.Float32);
            float[] wanted = (sum + residual.to_type(ScalarType.Float32)).to_type(type).to_type(ScalarType.Float32).data<float>().ToArray();
            Assert.Equal(wanted, results[0]);
            Assert.Equal(results[0], results[1]);
        }

        ranks.Link.Confirm();
    }

    [Fact]
    public void RankThatDoesNotCome_IsToldOf_AndTheNextSumIsRight()
    {
        using var ranks = new Ranks(64, s_patience with { Sum = TimeSpan.FromMilliseconds(500) });
        ranks.Link.Confirm();

        ranks.SumAlone(); // returns: a hang would end with the test run's time

        Assert.Throws<RankLostException>(ranks.Link.Confirm);
        ranks.AssertRenews();
    }

    [Fact]
    public void Break_EndsAWaitLongBeforeItsBound()
    {
        using var ranks = new Ranks(64, s_patience with { Sum = TimeSpan.FromMinutes(5) });
        using var timer = new Timer(_ => ranks.Link.Break(), state: null, TimeSpan.FromMilliseconds(300), Timeout.InfiniteTimeSpan);

        ranks.SumAlone();

        Assert.Throws<RankLostException>(ranks.Link.Confirm);
        Assert.Throws<RankLostException>(ranks.SumAlone);
        ranks.AssertRenews();
    }

    [Fact]
    public void RanksThatAreNotGivenTheTime_AreAnError_AndTheNextLinkIsWhole()
    {
        var error = Assert.Throws<LocalBloomException>(() => new Ranks(64, s_patience with { Connect = TimeSpan.FromMilliseconds(1) }).Dispose());

        Assert.Contains("NCCL cannot join cuda:0, cuda:1: they did not find each other within 0 s.", error.Message, StringComparison.Ordinal);
        using var ranks = new Ranks(64, s_patience);
        ranks.AssertRenews();
    }

    [Fact]
    public void WhatItTakesOfEachGpu_IsNoMoreThanIsPlanned_AndComesBack()
    {
        Cuda.RequireTwo();
        CudaDriver driver = CudaDriver.TryOpen()!;
        using (new Ranks(4096, s_patience))
        {
            // Torch's own part is there, and NCCL's code, which stays.
        }

        long[] before = [driver.Memory(0).Free, driver.Memory(1).Free];
        using (var ranks = new Ranks(4096, s_patience))
        {
            _ = ranks.Repeat(rows: 170, times: 10);
            for (int device = 0; device < 2; device++)
            {
                long taken = before[device] - driver.Memory(device).Free;
                TestContext.Current.TestOutputHelper?.WriteLine($"cuda:{device}: {taken / 1e6:0} MB beside NCCL's code");
                Assert.InRange(taken, 0, Nccl.ReservedBytes);
            }
        }

        Assert.InRange(before[0] - driver.Memory(0).Free, -Nccl.ReservedBytes, 20_000_000);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(64)]
    [InlineData(170)]
    [InlineData(MostRows)]
    public void ManySumsInARow_AreAllComplete(int rows)
    {
        using var ranks = new Ranks(4096, s_patience);

        (double microseconds, float[][] streams) = ranks.Repeat(rows, times: 200);

        ranks.Link.Confirm();
        Assert.All(streams, rank => Assert.All(rank, value => Assert.Equal(2 * 200, value)));
        TestContext.Current.TestOutputHelper?.WriteLine($"{rows} rows of 4096, {rows * 16384 / 1e6:0.00} MB: {microseconds:0.0} us a sum in a row of 200");
    }

    private sealed class Ranks : IDisposable
    {
        private readonly DisposeScope _scope;
        private readonly int _width;

        public Ranks(int width, NcclPatience patience)
        {
            Cuda.RequireTwo();
            var native = TorchNative.Load(null);
            CudaDriver driver = CudaDriver.TryOpen()!;
            (Nccl? nccl, string? problem) = Nccl.TryOpen(driver, native.Folder);
            Assert.SkipWhen(nccl is null, problem ?? "");
            (_scope, _width) = (NewDisposeScope(), width);
            Tensor[] parts = [.. Enumerable.Range(0, 2).Select(device => zeros([2, MostRows, width], ScalarType.Float32, new Device(DeviceType.CUDA, device)))];
            Link = new NcclLink(native, nccl, new CudaMarks(new CudaStreams(driver), [0, 1]), [0, 1], parts, patience);
        }

        public NcclLink Link { get; }

        public float[][] Sum(Tensor[] parts, Tensor residual, Tensor? bias) => OnBoth(rank =>
        {
            var device = new Device(DeviceType.CUDA, rank);
            Tensor stream = residual.to(device);
            Link.Of(rank).Partial((int)residual.shape[0]).copy_(parts[rank]);
            Link.Of(rank).AddSum(stream, bias?.to(device));
            return Read(stream);
        });

        // Rank 0 sums, and waits for its device.
        public void SumAlone()
        {
            using Tensor stream = ones([1, _width], ScalarType.Float32, new Device(DeviceType.CUDA, 0));
            Link.Of(0).Partial(1).zero_();
            Link.Of(0).AddSum(stream, bias: null);
            Read(stream);
        }

        public void AssertRenews()
        {
            Link.Renew();
            float[][] results = Sum([ones(2, _width), ones(2, _width)], ones(2, _width), bias: null);
            Link.Confirm();
            Assert.All(results, result => Assert.All(result, value => Assert.Equal(3, value)));
        }

        // Each sum adds 1 of each rank to streams that begin at 0.
        public (double Microseconds, float[][] Streams) Repeat(int rows, int times)
        {
            long start = Stopwatch.GetTimestamp();
            float[][] streams = OnBoth(rank =>
            {
                Tensor stream = zeros([rows, _width], ScalarType.Float32, new Device(DeviceType.CUDA, rank));
                for (int i = 0; i < times; i++)
                {
                    Link.Of(rank).Partial(rows).fill_(1); // a sum comes in its place
                    Link.Of(rank).AddSum(stream, bias: null);
                }

                return Read(stream);
            });
            return (Stopwatch.GetElapsedTime(start).TotalMicroseconds / times, streams);
        }

        // On a thread for each, as in a model.
        private static float[][] OnBoth(Func<int, float[]> work)
        {
            var results = new float[2][];
            var errors = new Exception?[2];
            Thread[] threads = [.. Enumerable.Range(0, 2).Select(rank => new Thread(() => errors[rank] = Record.Exception(() =>
            {
                using DisposeScope scope = NewDisposeScope();
                results[rank] = work(rank);
            })))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            Assert.All(errors, Assert.Null);
            return results;
        }

        private static float[] Read(Tensor stream) => stream.cpu().to_type(ScalarType.Float32).data<float>().ToArray();

        public void Dispose()
        {
            Link.Dispose();
            _scope.Dispose();
        }
    }
}
