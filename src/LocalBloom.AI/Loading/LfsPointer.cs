namespace LocalBloom.AI.Loading;

/// <summary>Recognises what a Git clone without LFS leaves in place of weights: the commonest broken download.</summary>
internal static class LfsPointer
{
    private const int MaxPointerBytes = 1024;

    public static void Refuse(MappedFile file)
    {
        ReadOnlySpan<byte> start = "version https://git-lfs"u8;
        if (file.Length <= MaxPointerBytes && file.Length >= start.Length && file.Read(0, start.Length).AsSpan().SequenceEqual(start))
        {
            throw new CheckpointException(
                file.Path, "this is a Git LFS pointer, not the weights. Run 'git lfs pull' in the folder, or use 'hf download'.");
        }
    }
}
