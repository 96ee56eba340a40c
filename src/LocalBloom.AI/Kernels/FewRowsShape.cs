namespace LocalBloom.AI.Kernels;

/// <summary>How fewrows.cu, or fewtiles.cu, cuts a product.</summary>
/// <param name="WeightBits">8 or 16, of a weight.</param>
/// <param name="Rows">The most: 8 or 16.</param>
/// <param name="Outputs">Of a tile: 16 or 32.</param>
/// <param name="Warps">Of a block: they share a tile's inputs.</param>
/// <param name="Depth">Chunks of weights that a warp has under way.</param>
/// <param name="Ahead">Chunks of x that a warp has under way; for fewtiles.cu pieces of weights that a lane has.</param>
/// <param name="Blocks">That a multiprocessor of an H200 has at once. Others may have room for fewer; then blocks take turns.</param>
/// <param name="IsForFewTiles">Whether it is best where no block has more than one tile, and for that alone.</param>
/// <param name="Held">For fewtiles.cu, chunks of weights that a warp has in registers, beside <paramref name="Depth"/> in shared memory: no more can it have. Else 0.</param>
internal readonly record struct FewRowsShape(
    int WeightBits, int Rows, int Outputs, int Warps, int Depth, int Ahead, int Blocks, bool IsForFewTiles = false, int Held = 0)
{
    private const int WarpSize = 32;
    private const int PieceBytes = 16;   // of a lane's copy
    private const int ChunkBytes = 64;   // of a row
    private const int OutputsOfPiece = 8; // lanes of a warp that copy of different rows
    private const int RowTile = 8;

    /// <summary>Gets those that there are kernels of, better ones first. What they differ in was found by trying, on an H200.</summary>
    public static IReadOnlyList<FewRowsShape> All { get; } =
    [
        new(8, Rows: 8, Outputs: 32, Warps: 8, Depth: 5, Ahead: 4, Blocks: 2, IsForFewTiles: true, Held: 3),
        new(8, Rows: 8, Outputs: 32, Warps: 16, Depth: 3, Ahead: 2, Blocks: 1, IsForFewTiles: true),
        new(8, Rows: 8, Outputs: 16, Warps: 16, Depth: 4, Ahead: 2, Blocks: 2),
        new(8, Rows: 16, Outputs: 32, Warps: 16, Depth: 3, Ahead: 2, Blocks: 1, IsForFewTiles: true),
        new(8, Rows: 16, Outputs: 32, Warps: 8, Depth: 4, Ahead: 2, Blocks: 2),
        new(16, Rows: 8, Outputs: 16, Warps: 16, Depth: 5, Ahead: 2, Blocks: 2),
        new(16, Rows: 16, Outputs: 32, Warps: 16, Depth: 4, Ahead: 4, Blocks: 1),
    ];

    /// <summary>Gets the inputs of a chunk.</summary>
    public int ChunkInputs => ChunkBytes * 8 / WeightBits;

    /// <summary>Gets the tiles of eight rows.</summary>
    public int RowTiles => Rows / RowTile;

    /// <summary>Gets whether a block has all its weights at once, as in fewtiles.cu.</summary>
    public bool IsAtOnce => Held > 0;

    /// <summary>Gets the bytes of a block's shared memory: chunks, and beside them two tiles' sums of all warps, or in the end in their place those of its one tile.</summary>
    public int SharedBytes => IsAtOnce ? Math.Max(ChunksBytes, SumsBytes) : ChunksBytes + (2 * SumsBytes);

    private int ChunksBytes => Depth * Outputs / OutputsOfPiece * Warps * WarpSize * PieceBytes;

    private int SumsBytes => Warps * Rows * (Outputs + 1) * sizeof(float);

    private long MostInputs => IsAtOnce ? (Depth + Held) * Warps * ChunkInputs : long.MaxValue;

    /// <summary>Gets those that a device can have, better ones first.</summary>
    /// <param name="weightBits">8 or 16.</param>
    /// <param name="room">Bytes of shared memory that a block may have.</param>
    /// <param name="mayOverlap">Whether kernels may begin before those in front end: else nothing is won by having all weights before anything is done with them.</param>
    public static IEnumerable<FewRowsShape> For(int weightBits, int room, bool mayOverlap) =>
        All.Where(shape => shape.WeightBits == weightBits && shape.SharedBytes <= room && (!shape.IsAtOnce || mayOverlap));

    /// <summary>Chooses for a product.</summary>
    /// <param name="among">What the device has room for, better ones first.</param>
    /// <param name="rows">At least one.</param>
    /// <param name="outputs">At least one.</param>
    /// <param name="inputs">At least one.</param>
    /// <param name="multiprocessors">Of the device.</param>
    /// <returns>Where among them it is; -1 where none does such products.</returns>
    public static int Choose(ReadOnlySpan<FewRowsShape> among, long rows, long outputs, long inputs, int multiprocessors)
    {
        for (int i = 0; i < among.Length; i++)
        {
            FewRowsShape shape = among[i];
            if (rows <= shape.Rows && outputs % shape.Outputs == 0 && inputs % shape.ChunkInputs == 0 && inputs <= shape.MostInputs
                && (!shape.IsForFewTiles || outputs / shape.Outputs <= multiprocessors))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Gets how many blocks a product takes.</summary>
    public int Grid(long outputs, int multiprocessors) => (int)Math.Min(outputs / Outputs, multiprocessors * Blocks);
}
