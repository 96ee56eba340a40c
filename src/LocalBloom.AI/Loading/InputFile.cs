using Microsoft.Win32.SafeHandles;

namespace LocalBloom.AI.Loading;

/// <summary>Opens and reads files; whatever the system reports becomes a <see cref="CheckpointException"/> with the file's name.</summary>
internal static class InputFile
{
    /// <summary>Opens a non-empty regular file, through symbolic links.</summary>
    /// <returns>A handle that the caller disposes.</returns>
    public static SafeFileHandle Open(string path, out long length)
    {
        SafeFileHandle? handle = null;
        try
        {
            // A pipe has no length, and opening one may wait for ever. Links are not followed here: where a folder is a link too, .NET
            // resolves the text of the path and not the folders that it stands for.
            var file = new FileInfo(path);
            if (file.LinkTarget is not null || file.Length > 0)
            {
                handle = File.OpenHandle(path);
            }

            length = handle is null ? 0 : RandomAccess.GetLength(handle);
            if (handle is null || length == 0)
            {
                handle?.Dispose();
                throw new CheckpointException(path, "the file is empty. Download it again.");
            }

            return handle;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            handle?.Dispose();
            throw new CheckpointException(path, $"the file cannot be opened: {e.Message}", e);
        }
    }

    /// <summary>Reads exactly <paramref name="count"/> bytes; the caller has checked that the file has them.</summary>
    public static byte[] Read(string path, SafeFileHandle handle, long offset, int count)
    {
        var bytes = new byte[count];
        try
        {
            for (int done = 0; done < count;)
            {
                int read = RandomAccess.Read(handle, bytes.AsSpan(done), offset + done);
                done += read > 0 ? read : throw new CheckpointException(path, "the file became shorter while it was read.");
            }
        }
        catch (IOException e)
        {
            throw new CheckpointException(path, $"the file cannot be read: {e.Message}", e);
        }

        return bytes;
    }
}
