namespace LocalBloom.AI.Native;

/// <summary>How a kernel is spread over a device.</summary>
/// <param name="Grid">Blocks.</param>
/// <param name="Block">Threads of a block.</param>
/// <param name="SharedBytes">Of a block, beside what the kernel declares.</param>
/// <param name="Cluster">So many neighbouring blocks run together and see each other's shared memory; 1 for no such.</param>
/// <param name="MayOverlap">Whether it may begin before the kernel in front of it ends: it must wait by itself for what that one writes.</param>
internal readonly record struct LaunchShape((int X, int Y) Grid, (int X, int Y) Block, int SharedBytes = 0, int Cluster = 1, bool MayOverlap = false);
