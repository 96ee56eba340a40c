using LocalBloom.AI.Kernels;

namespace LocalBloom.AI.Tests.Kernels;

public sealed class Int8PromptTilingTests
{
    private const int Multiprocessors = 132; // of an H100 and an H200

    // 7b1's matrices. Those named were the fastest on an H200, or within a tenth of it.
    [Theory]
    [InlineData(64, 12288, 4096, 192, 64, 2)]
    [InlineData(170, 12288, 4096, 192, 96, 1)]
    [InlineData(256, 12288, 4096, 192, 128, 1)]
    [InlineData(170, 4096, 4096, 128, 96, 2)]
    [InlineData(512, 4096, 4096, 128, 128, 1)]
    [InlineData(64, 16384, 4096, 128, 96, 1)]
    [InlineData(128, 16384, 4096, 128, 128, 1)]
    [InlineData(170, 16384, 4096, 128, 192, 1)]
    [InlineData(256, 16384, 4096, 128, 256, 1)]
    [InlineData(64, 4096, 16384, 128, 96, 4)]
    [InlineData(170, 4096, 16384, 128, 192, 4)]
    [InlineData(256, 4096, 16384, 128, 128, 2)]
    [InlineData(64, 250880, 4096, 192, 64, 1)]
    [InlineData(256, 250880, 4096, 128, 256, 1)]
    public void Choose_TakesWhatWasMeasuredToBeFast(int rows, int outputs, int inputs, int tileOutputs, int tileRows, int splits) =>
        Assert.Equal((new Int8PromptTiling(tileOutputs, tileRows), splits), Int8PromptTiling.Choose(rows, outputs, inputs, Multiprocessors));

    // A shared tile has a counter, of which there are as many as multiprocessors; and a split without work for its pipeline gains nothing.
    [Theory]
    [InlineData(17, 16, 64, 1)]
    [InlineData(17, 16, 1024, 1)]
    [InlineData(17, 16, 16384, 4)]
    [InlineData(512, 16384, 16384, 1)]
    public void Choose_SplitsOnlyWhatIsLong_AndFewTiles(int rows, int outputs, int inputs, int splits) =>
        Assert.Equal(splits, Int8PromptTiling.Choose(rows, outputs, inputs, Multiprocessors).Splits);

    [Fact]
    public void Threads_AreAWarpgroupForEach64Outputs_AndOneThatCopies()
    {
        Assert.Equal(384, new Int8PromptTiling(128, 256).Threads);
        Assert.Equal(512, new Int8PromptTiling(192, 64).Threads);
    }
}
