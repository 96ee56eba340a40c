using System.IO.MemoryMappedFiles;

namespace LocalBloom.AI.Weights;

/// <summary>Slabs in a temporary file that is mapped into memory: its pages are the system's to keep or to write out.</summary>
/// <remarks>Nobody else can open the file; where the system allows it, it has no name any more while it is in use, so that nothing stays of a process that is killed.</remarks>
internal sealed unsafe class FileSlabs : ISlabMemory
{
    private readonly long _bytes;
    private readonly int _count;
    private readonly FileStream _file;
    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _start;
    private int _taken;

    /// <summary>Initializes a new instance of the <see cref="FileSlabs"/> class, taking the disk space of all slabs.</summary>
    /// <param name="folder">Where the file lies.</param>
    /// <param name="bytes">A slab's size.</param>
    /// <param name="count">How many slabs there will be, at least one.</param>
    /// <exception cref="PlacementException">The folder is not there, or has no such room.</exception>
    public FileSlabs(string folder, long bytes, int count)
    {
        (_bytes, _count) = (bytes, count);
        string path = Path.Combine(folder, $"localbloom-{Path.GetRandomFileName()}");
        try
        {
            _file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                Options = OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None,
                PreallocationSize = bytes * count, // a full disk is an exception here, and the end of the process when a mapped page is touched
            });
            if (!OperatingSystem.IsWindows())
            {
                File.Delete(path);
            }

            _file.SetLength(bytes * count);
            _mapping = MemoryMappedFile.CreateFromFile(_file, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
            _view = _mapping.CreateViewAccessor(0, bytes * count, MemoryMappedFileAccess.ReadWrite);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _view?.Dispose();
            _mapping?.Dispose();
            _file?.Dispose();
            throw new PlacementException(
                $"The host's memory is short, and {folder} cannot take a file of {ByteSize.Format(bytes * count)} for layers that are streamed: {e.Message} " +
                "Name a folder that has so much room and may be written to in the variable TMPDIR, or make room there.");
        }
    }

    /// <inheritdoc/>
    public nint Allocate()
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        return _taken < _count
            ? (nint)(_start + (_bytes * _taken++))
            : throw new InvalidOperationException($"The plan has {_count} streamed layers, but more are asked for.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_start is not null)
        {
            _start = null;
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
        }

        _view.Dispose();
        _mapping.Dispose();
        _file.Dispose();
    }
}
