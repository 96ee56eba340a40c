namespace LocalBloom.AI.Loading;

/// <summary>A folder that is there only once it is complete. Until then it has a name that only one writer can take.</summary>
/// <remarks>
/// Its first file is what is taken, for no folder can be made on the condition that there is none. Disposing removes what was not completed, without an error
/// of its own: what kept it from being complete is what counts, and what cannot be removed is named to the next writer.
/// </remarks>
internal sealed class PartialFolder : IDisposable
{
    private const int FileExists = 17; // EEXIST
    private const int WindowsFileExists = unchecked((int)0x80070050);

    private readonly string _target;
    private readonly string _firstFile;
    private bool _wasEmpty;
    private bool _isComplete;

    private PartialFolder(string target, string firstFile)
    {
        (_target, Path) = (target, target + ".partial");
        _firstFile = System.IO.Path.Combine(Path, firstFile);
    }

    /// <summary>Gets where to write.</summary>
    public string Path { get; }

    /// <summary>Makes the folder under its passing name.</summary>
    /// <param name="target">The name that it will have, a full path without a separator at the end.</param>
    /// <param name="firstFile">The name of a file in it.</param>
    /// <param name="text">The file's text.</param>
    /// <remarks>An empty folder of the name that it will have is removed now, and made again if it is not completed: where that is impossible, no work is lost.</remarks>
    /// <exception cref="IOException">Either name is taken, by a file or by a folder that is not empty, or cannot be replaced; or writing failed.</exception>
    public static PartialFolder Create(string target, string firstFile, string text)
    {
        RefuseFull(target);
        var folder = new PartialFolder(target, firstFile);
        folder.Take().Dispose();
        try
        {
            folder.RemoveEmptyTarget();
            RefuseFull(target); // another writer may have completed it since
            File.WriteAllText(folder._firstFile, text);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a folder that is there and not empty.</summary>
    public static void RefuseFull(string folder)
    {
        if (IsFull(folder))
        {
            throw new IOException($"{folder} is there already, and not empty. Name another folder, or remove it.");
        }
    }

    /// <summary>Gives the folder its name.</summary>
    /// <exception cref="IOException">The name was taken meanwhile.</exception>
    public void Complete()
    {
        RefuseFull(_target);
        if (Directory.Exists(_target))
        {
            Directory.Delete(_target); // empty
        }

        Directory.Move(Path, _target);
        _isComplete = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isComplete)
        {
            return;
        }

        // The first file last: as long as it is there, nobody else writes here.
        Attempt(() => _ = _wasEmpty ? Directory.CreateDirectory(_target) : null);
        Attempt(() =>
        {
            foreach (string file in Directory.GetFiles(Path).OrderBy(file => file == _firstFile))
            {
                File.Delete(file);
            }

            Directory.Delete(Path);
        });
    }

    private static void Attempt(Action work)
    {
        try
        {
            work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The reason is in the remarks.
        }
    }

    private static bool IsFull(string folder)
    {
        try
        {
            return File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any());
        }
        catch (DirectoryNotFoundException)
        {
            return false; // renamed or removed just now
        }
    }

    private void RemoveEmptyTarget()
    {
        if (!Directory.Exists(_target))
        {
            return;
        }

        try
        {
            Directory.Delete(_target);
            _wasEmpty = true;
        }
        catch (DirectoryNotFoundException)
        {
            // Another has removed it just now.
        }
        catch (IOException e)
        {
            RefuseFull(_target);
            throw new IOException($"{_target} is there and empty, but cannot be replaced, as where a disk is mounted: name a folder in it.", e);
        }
    }

    private FileStream Take()
    {
        string? parent = System.IO.Path.GetDirectoryName(Path);
        while (!IsFull(Path))
        {
            try
            {
                Directory.CreateDirectory(Path);
                return new FileStream(_firstFile, FileMode.CreateNew);
            }
            catch (IOException e) when ((e is DirectoryNotFoundException or FileNotFoundException || e.HResult is FileExists or WindowsFileExists) && Directory.Exists(parent))
            {
                // Another came first, or has completed or removed it just now: what is there now tells.
            }
        }

        throw new IOException(
            $"{Path} is there already, and not empty: another call is writing it, or one that was killed has left it. " +
            "Wait for the other, or remove that folder.");
    }
}
