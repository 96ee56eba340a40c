using LocalBloom.AI.Kernels;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Ops;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Gpu.Tests;

/// <summary>attention.cu against plain torch.</summary>
public sealed class AttentionKernelTests
{
    private const int Blocks = 80;

    public static TheoryData<ScalarType, int, int> Shapes
    {
        get
        {
            var data = new TheoryData<ScalarType, int, int>();
            foreach (ScalarType type in new[] { ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16 })
            {
                foreach ((int heads, int headDim) in new[] { (8, 8), (6, 16), (16, 64), (32, 80), (16, 96), (32, 128), (5, 128), (3, 40), (4, 256) })
                {
                    data.Add(type, heads, headDim);
                }
            }

            return data;
        }
    }

    // One row and many, at the start and far in, across borders of blocks, tiles (32 keys) and rounds of all warps (256 keys), shared out over blocks where
    // there are few rows, and with keys for only some of these.
    public static IEnumerable<(int Past, int Rows)[]> Steps =>
    [
        [(0, 1)], [(0, 15), (15, 1)], [(0, 33)], [(255, 1), (256, 1), (257, 2)], [(0, 1), (31, 1), (32, 1), (100, 40), (511, 1)], [(600, 3)], [(0, 170), (37, 200), (3, 64)], [(1000, 1)], [(3, 1), (900, 1)],
    ];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AppendAttend_IsTheOracles(ScalarType type, int heads, int headDim)
    {
        Cuda.Require();
        using IDisposable inference = inference_mode();
        using DisposeScope scope = NewDisposeScope();
        var native = TorchNative.Load(null);
        var config = new BloomConfig { VocabularySize = 16, HiddenSize = heads * headDim, LayerCount = 1, HeadCount = heads };
        using var kernel = new AttentionKernel(native, KernelFixture.Compiler, 0, config, type);
        Tensor slopes = tensor(Alibi.Slopes(heads)).view(-1, 1, 1).cuda();

        int seed = 1;
        foreach ((int Past, int Rows)[] sequences in Steps)
        {
            StepSegment[] segments = Segments(sequences, new Random(seed));
            int rows = segments.Sum(segment => segment.RowCount);
            using var generator = new Generator((ulong)seed++, CPU);
            Tensor Random(params long[] shape) => randn(shape, generator: generator).cuda().to_type(type);
            Tensor qkv = Random(rows, 3 * heads * headDim);
            var expectedCache = new LayerCache(Random(Blocks * LayerCache.BlockSize, heads, headDim), Random(Blocks * LayerCache.BlockSize, heads, headDim));
            var cache = new LayerCache(expectedCache.Keys.clone(), expectedCache.Values.clone());
            var cacheInOne = new LayerCache(expectedCache.Keys.clone(), expectedCache.Values.clone());
            Tensor expected = full([rows, heads * headDim], float.NaN, type, CUDA);
            Tensor actual = full([rows, heads * headDim], float.NaN, type, CUDA);
            using var step = new StepContext(segments, new Workspace(qkv, qkv, qkv, qkv, qkv), slopes);

            new TorchOps(new DenseLinear(native)).AppendAttend(qkv, expectedCache, step, expected);
            kernel.Append(qkv, cache, step);
            kernel.Attend(qkv, cache, step, actual, 0, rows / 2); // in two launches, which may part a sequence
            kernel.Attend(qkv, cache, step, actual, rows / 2, rows - (rows / 2));

            Assert.True(cache.Keys.eq(expectedCache.Keys).all().item<bool>(), "keys are copied as they are");
            Assert.True(cache.Values.eq(expectedCache.Values).all().item<bool>(), "values are copied as they are");

            if (Array.TrueForAll(segments, segment => segment.RowCount == 1))
            {
                Tensor inOne = full([rows, heads * headDim], float.NaN, type, CUDA);
                kernel.AppendAttend(qkv, cacheInOne, step, inOne);
                Assert.True(inOne.eq(actual).all().item<bool>(), "one launch gives what two give");
                Assert.True(cacheInOne.Keys.eq(expectedCache.Keys).all().item<bool>(), "keys are copied as they are");
                Assert.True(cacheInOne.Values.eq(expectedCache.Values).all().item<bool>(), "values are copied as they are");
            }

            Tensor shared = full([rows, heads * headDim], float.NaN, type, CUDA);
            if (kernel.SharesKeys)
            {
                Array.ForEach(segments, segment => kernel.AttendPrompt(qkv, cache, step, shared, segment));
            }

            // Both sum in float32 and round once. A sum of n ≤ 1001 weighted values of size ~4 is off by n · 2⁻²⁴ · 4 < 3e-4; a rounding may fall either way.
            double unit = type == ScalarType.Float32 ? 0 : type == ScalarType.Float16 ? Math.Pow(2, -10) : Math.Pow(2, -7);
            Tensor wanted = expected.to_type(ScalarType.Float32);
            foreach (Tensor attended in kernel.SharesKeys ? new[] { actual, shared } : [actual])
            {
                Tensor excess = (attended.to_type(ScalarType.Float32) - wanted).abs() - (wanted.abs() * unit) - 3e-4;
                Assert.True(excess.max().item<float>() <= 0, $"largest excess {excess.max().item<float>()} of {rows} rows");
            }
        }
    }

    // 400 rows of one sequence are beyond what the kernel does well; those before and after it are its own.
    [Fact]
    public void LongPrompt_GoesThroughTorch_AndTheOthersThroughTheKernel()
    {
        Cuda.Require();
        using IDisposable inference = inference_mode();
        using DisposeScope scope = NewDisposeScope();
        var native = TorchNative.Load(null);
        var config = new BloomConfig { VocabularySize = 16, HiddenSize = 4 * 64, LayerCount = 1, HeadCount = 4 };
        var compiler = KernelFixture.Compiler;
        using var kernel = new AttentionKernel(native, compiler, 0, config, ScalarType.Float32);
        using var pointwise = new PointwiseKernels(native, compiler, 0, ScalarType.Float32);
        var torchOps = new TorchOps(new DenseLinear(native));
        StepSegment[] segments = Segments([(5, 1), (90, 1), (0, 400), (33, 1), (0, 7)], new Random(3));
        int rows = segments.Sum(segment => segment.RowCount);
        using var generator = new Generator(5, CPU);
        Tensor Random(params long[] shape) => randn(shape, generator: generator).cuda();
        Tensor qkv = Random(rows, 3 * 4 * 64);
        var expectedCache = new LayerCache(Random(Blocks * LayerCache.BlockSize, 4, 64), Random(Blocks * LayerCache.BlockSize, 4, 64));
        var cache = new LayerCache(expectedCache.Keys.clone(), expectedCache.Values.clone());
        Tensor expected = full([rows, 4 * 64], float.NaN, ScalarType.Float32, CUDA);
        Tensor actual = full([rows, 4 * 64], float.NaN, ScalarType.Float32, CUDA);
        using var step = new StepContext(segments, new Workspace(qkv, qkv, qkv, qkv, qkv), tensor(Alibi.Slopes(4)).view(-1, 1, 1).cuda());

        torchOps.AppendAttend(qkv, expectedCache, step, expected);
        new CudaOps(new CudaLinear(native, pointwise), torchOps, pointwise, kernel).AppendAttend(qkv, cache, step, actual);

        Assert.True((actual - expected).abs().max().item<float>() <= 2e-4); // no row is left as it was
        Assert.True(cache.Keys.eq(expectedCache.Keys).all().item<bool>());
    }

    // What a test would not notice: that the fast way is not taken.
    [Theory]
    [InlineData(ScalarType.Float16, 128, true)]
    [InlineData(ScalarType.BFloat16, 80, true)]
    [InlineData(ScalarType.Float32, 128, false)]
    [InlineData(ScalarType.Float16, 256, false)]
    [InlineData(ScalarType.Float16, 40, false)]
    public void SharesKeys_OfSixteenBitsAndHeadsInSixteens(ScalarType type, int headDim, bool shares)
    {
        Cuda.Require();
        var native = TorchNative.Load(null);
        var config = new BloomConfig { VocabularySize = 16, HiddenSize = 4 * headDim, LayerCount = 1, HeadCount = 4 };
        using var kernel = new AttentionKernel(native, KernelFixture.Compiler, 0, config, type);

        Assert.Equal(shares && CudaDriver.TryOpen()!.ComputeCapability(0).Major >= 8, kernel.SharesKeys);
    }

    private static StepSegment[] Segments((int Past, int Rows)[] sequences, Random random)
    {
        int[] blocks = [.. Enumerable.Range(0, Blocks)];
        random.Shuffle(blocks);
        var segments = new List<StepSegment>();
        int row = 0;
        int block = 0;
        foreach ((int past, int rows) in sequences)
        {
            int count = LayerCache.BlockCount(past + rows);
            segments.Add(new StepSegment(row, rows, past, blocks[block..(block + count)]));
            row += rows;
            block += count;
        }

        return [.. segments];
    }
}
