using LocalBloom.AI.Kernels;

namespace LocalBloom.AI.Tests.Kernels;

public sealed class Int8PromptTilingTests
{
    private const int Multiprocessors = 132;

    private static readonly int[] s_rows = [17, 64, 65, 96, 170, 256, 300, 512];

    private static readonly (int Outputs, int Inputs)[] s_matrices =
        [(16, 64), (3072, 1024), (1024, 4096), (12288, 4096), (4096, 4096), (16384, 4096), (4096, 16384), (43008, 14336), (250880, 4096)];

    public static TheoryData<int, int, int> Products =>
        [.. from rows in s_rows from matrix in s_matrices select new TheoryDataRow<int, int, int>(rows, matrix.Outputs, matrix.Inputs)];

    [Theory]
    [MemberData(nameof(Products))]
    public void Choose_CoversTheProduct_AndSharesOnlyWhatHasRoom(int rows, int outputs, int inputs)
    {
        (Int8PromptTiling tiling, int ranks) = Int8PromptTiling.Choose(rows, outputs, inputs, Multiprocessors);

        Assert.Contains(tiling, Int8PromptTiling.All);
        Assert.True(tiling.RowBlocks(rows) * tiling.Rows >= rows);
        Assert.True(tiling.Tiles(rows, outputs) * tiling.Outputs >= (long)outputs * tiling.RowBlocks(rows));
        Assert.True(ranks == 1 || tiling.Tiles(rows, outputs) * ranks <= Multiprocessors, "each shared tile has a counter");
        Assert.True(ranks == 1 || inputs / Int8PromptTiling.ChunkInputs / ranks >= 8, "a rank has work for its pipeline");
    }

    // Few outputs and long sums: without sharing, most of the device would wait.
    [Theory]
    [InlineData(170, 4096, 16384)]
    [InlineData(64, 4096, 4096)]
    public void Choose_SharesInputs_WhereTilesAreFew(int rows, int outputs, int inputs) =>
        Assert.True(Int8PromptTiling.Choose(rows, outputs, inputs, Multiprocessors).Ranks > 1);

    [Fact]
    public void Threads_AreAWarpgroupForEach64Outputs_AndOneThatCopies()
    {
        Assert.Equal(384, new Int8PromptTiling(128, 256).Threads);
        Assert.Equal(512, new Int8PromptTiling(192, 64).Threads);
    }
}
