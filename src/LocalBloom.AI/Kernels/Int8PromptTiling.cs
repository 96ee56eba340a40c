namespace LocalBloom.AI.Kernels;

/// <summary>How int8prompt.cu cuts a product: the outputs and rows of a tile.</summary>
/// <param name="Outputs">128 or 192.</param>
/// <param name="Rows">64, 96, 128, 192 or 256.</param>
internal readonly record struct Int8PromptTiling(int Outputs, int Rows)
{
    /// <summary>The inputs that are multiplied at once.</summary>
    public const int ChunkInputs = 64;

    // Nanoseconds, of a Hopper GPU at work, that only decide between tilings.
    private const double OperationsPerNanosecond = 6000;
    private const double BytesPerNanosecond = 30;
    private const double ChunkCost = 30;
    private const double TileCost = 4000;
    private const double MeetingCost = 3000;
    private const double PartialBytesPerNanosecond = 100;

    private const int LeastChunks = 8; // of a split
    private const int ThreadsPerOutput = 2;
    private const int CopyingThreads = 128;

    /// <summary>Gets those that there are kernels of.</summary>
    public static IReadOnlyList<Int8PromptTiling> All { get; } = [new(192, 64), new(128, 96), new(192, 96), new(128, 128), new(192, 128), new(128, 192), new(128, 256)];

    /// <summary>Gets the threads of a block.</summary>
    public int Threads => (Outputs * ThreadsPerOutput) + CopyingThreads;

    /// <summary>Chooses for a product the tiling that should be fastest, and how many blocks share the inputs of a tile.</summary>
    /// <param name="rows">At least one.</param>
    /// <param name="outputs">At least one.</param>
    /// <param name="inputs">A multiple of <see cref="ChunkInputs"/>.</param>
    /// <param name="multiprocessors">Of the device.</param>
    public static (Int8PromptTiling Tiling, int Splits) Choose(int rows, int outputs, int inputs, int multiprocessors)
    {
        (Int8PromptTiling Tiling, int Splits) best = default;
        double least = double.MaxValue;
        foreach (Int8PromptTiling tiling in All)
        {
            int tiles = tiling.Tiles(rows, outputs), chunks = inputs / ChunkInputs;
            for (int splits = 1; splits == 1 || (splits <= 4 && tiles * splits <= multiprocessors && chunks / splits >= LeastChunks); splits *= 2)
            {
                double cost = Math.Ceiling((double)tiles * splits / multiprocessors) * tiling.Cost(chunks, splits);
                if (cost < least)
                {
                    (least, best) = (cost, (tiling, splits));
                }
            }
        }

        return best;
    }

    /// <summary>Gets how many tiles there are one below the other.</summary>
    public int RowBlocks(int rows) => (rows + Rows - 1) / Rows;

    /// <summary>Gets how many tiles a product has.</summary>
    public int Tiles(int rows, int outputs) => (outputs + Outputs - 1) / Outputs * RowBlocks(rows);

    // Of one block.
    private double Cost(int chunks, int splits)
    {
        double chunk = Math.Max(2.0 * Outputs * Rows * ChunkInputs / OperationsPerNanosecond, Outputs * ChunkInputs / BytesPerNanosecond) + ChunkCost;
        double meeting = splits == 1 ? 0 : MeetingCost + (splits * Rows * Outputs * sizeof(float) / PartialBytesPerNanosecond);
        return ((chunks + splits - 1) / splits * chunk) + TileCost + meeting;
    }
}
