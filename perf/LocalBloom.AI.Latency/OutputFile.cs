using LocalBloom.AI.Samples;

namespace LocalBloom.AI.Latency;

/// <summary>A file that is written at the end of a measurement.</summary>
internal static class OutputFile
{
    /// <summary>Finds out at the start whether it could be written. Whatever is there stays as it is.</summary>
    /// <exception cref="UsageException">It could not.</exception>
    public static void RequireWritable(string path)
    {
        try
        {
            bool isThere = File.Exists(path);
            new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write).Dispose();
            if (!isThere)
            {
                File.Delete(path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"--json cannot write the file '{path}': {e.Message} Name a file in a folder that is there and may be written to.");
        }
    }
}
