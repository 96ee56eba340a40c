namespace LocalBloom.AI.Native;

/// <summary>How a kernel is spread over a device.</summary>
/// <param name="Grid">Blocks.</param>
/// <param name="Block">Threads of a block.</param>
/// <param name="SharedBytes">Of a block, beside what the kernel declares.</param>
internal readonly record struct LaunchShape((int X, int Y) Grid, (int X, int Y) Block, int SharedBytes = 0);
