using LocalBloom.AI.Kernels;

namespace LocalBloom.AI.Tests.Kernels;

public sealed class FewRowsShapeTests
{
    private const int Multiprocessors = 132; // of an H100 and an H200
    private const int HopperShared = 227 << 10;
    private const int LeastShared = 99 << 10; // of GPUs of compute capability 8.6 and 8.9

    // 7b1's matrices: outputs of a tile and warps of what was the fastest on an H200, or within some hundredths of it.
    [Theory]
    [InlineData(8, 1, 12288, 4096, 16, 16)]
    [InlineData(8, 8, 4096, 4096, 32, 8)]
    [InlineData(8, 8, 4096, 16384, 32, 16)]
    [InlineData(8, 1, 250880, 4096, 16, 16)]
    [InlineData(8, 9, 4096, 16384, 32, 16)]
    [InlineData(8, 16, 16384, 4096, 32, 8)]
    [InlineData(16, 8, 4096, 4096, 16, 16)]
    [InlineData(16, 16, 16384, 4096, 32, 16)]
    public void Choose_TakesWhatWasMeasuredToBeFast(int bits, int rows, int outputs, int inputs, int tileOutputs, int warps)
    {
        FewRowsShape shape = Choose(bits, rows, outputs, inputs, HopperShared)!.Value;

        Assert.Equal((tileOutputs, warps), (shape.Outputs, shape.Warps));
    }

    [Theory]
    [InlineData(8, 17, 4096, 4096)]
    [InlineData(16, 17, 4096, 4096)]
    [InlineData(8, 1, 40, 64)]
    [InlineData(8, 1, 48, 72)]
    [InlineData(16, 1, 48, 48)]
    [InlineData(16, 9, 48, 64)]
    public void Choose_HasNoneForManyRows_OrOddSizes(int bits, int rows, int outputs, int inputs) => Assert.Null(Choose(bits, rows, outputs, inputs, HopperShared));

    // Weights that a block has all at once: 32 outputs of 4096 inputs at most, and one tile.
    [Theory]
    [InlineData(1, 4096, 4096, true)]
    [InlineData(8, 1024, 64, true)]
    [InlineData(9, 4096, 4096, false)]
    [InlineData(8, 4096, 4160, false)]
    [InlineData(8, 4256, 4096, false)]
    [InlineData(8, 4080, 4096, false)]
    public void AtOnce_IsWhatHalfOfAMultiprocessorHasRoomFor(int rows, int outputs, int inputs, bool isAtOnce) =>
        Assert.Equal(isAtOnce, Choose(8, rows, outputs, inputs, HopperShared)!.Value.IsAtOnce);

    // A decoding step of up to eight rows is what the kernel is for, on every GPU that has its instructions: cuBLAS's integer products need more rows.
    [Theory]
    [InlineData(8, 4096, 4096)]
    [InlineData(8, 16, 64)]
    [InlineData(8, 144, 320)]
    [InlineData(16, 4096, 4096)]
    [InlineData(16, 16, 32)]
    public void EachDevice_HasRoomForOneOfEightRows(int bits, int outputs, int inputs) =>
        Assert.NotNull(Choose(bits, 8, outputs, inputs, LeastShared, mayOverlap: false));

    [Fact]
    public void Shared_HasTheChunksUnderWay_AndTwoTilesSums()
    {
        var shape = new FewRowsShape(8, Rows: 16, Outputs: 32, Warps: 8, Depth: 4, Ahead: 2, Blocks: 2);

        // Four chunks of 64 bytes of 32 outputs for each of 8 warps; 16 rows of 32 + 1 sums for each, twice.
        Assert.Equal((4 * 64 * 32 * 8) + (2 * 8 * 16 * 33 * 4), shape.SharedBytes);
        Assert.Equal((64, 2), (shape.ChunkInputs, shape.RowTiles));
    }

    [Fact]
    public void SharedOfAtOnce_HasChunks_AndThenOneTilesSums_AndIsLessThanHalfOfAMultiprocessor()
    {
        var shape = new FewRowsShape(8, Rows: 8, Outputs: 32, Warps: 8, Depth: 5, Ahead: 4, Blocks: 2, Held: 3);

        Assert.Equal(5 * 64 * 32 * 8, shape.SharedBytes);
        Assert.Equal(8 * 8 * 33 * 4, (shape with { Depth = 0 }).SharedBytes);
        Assert.All(FewRowsShape.All.Where(one => one.IsAtOnce), one => Assert.InRange(one.Blocks * (one.SharedBytes + 1024), 1, HopperShared + 1024));
    }

    [Theory]
    [InlineData(4096, 128)] // a block for each tile
    [InlineData(16384, 264)] // else each block has several
    public void Grid_IsWhatTheDeviceHasRoomFor(int outputs, int blocks) =>
        Assert.Equal(blocks, new FewRowsShape(8, Rows: 8, Outputs: 32, Warps: 8, Depth: 4, Ahead: 2, Blocks: 2).Grid(outputs, Multiprocessors));

    private static FewRowsShape? Choose(int bits, int rows, int outputs, int inputs, int shared, bool mayOverlap = true)
    {
        FewRowsShape[] shapes = [.. FewRowsShape.For(bits, shared, mayOverlap)];
        int index = FewRowsShape.Choose(shapes, rows, outputs, inputs, Multiprocessors);
        return index < 0 ? null : shapes[index];
    }
}
