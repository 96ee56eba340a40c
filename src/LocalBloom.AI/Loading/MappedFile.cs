using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace LocalBloom.AI.Loading;

/// <summary>A whole file mapped for reading. Its pages are the system's file cache: they cost no memory of the process's own.</summary>
/// <remarks>
/// Headers are read with <see cref="Read"/>, where a failing disk is an exception; touching a mapped page there would end the process.
/// The file must not be shortened while it is mapped.
/// </remarks>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _start;

    private MappedFile(string path, SafeFileHandle file, long length)
    {
        Path = path;
        Length = length;
        _file = file;
        _mapping = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        try
        {
            _view = _mapping.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        }
        catch
        {
            _view?.Dispose();
            _mapping.Dispose();
            throw;
        }
    }

    /// <summary>Gets the file.</summary>
    public string Path { get; }

    /// <summary>Gets the file's name without its folder, for errors about its tensors.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>Gets the file's size, in bytes.</summary>
    public long Length { get; }

    /// <summary>Maps a file.</summary>
    /// <exception cref="CheckpointException">The file is missing, empty or not readable, or cannot be mapped.</exception>
    public static MappedFile Open(string path)
    {
        SafeFileHandle handle = InputFile.Open(path, out long length);
        try
        {
            return new MappedFile(path, handle, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            handle.Dispose();
            throw new CheckpointException(path, $"the file cannot be mapped into memory: {e.Message}", e);
        }
    }

    /// <summary>Copies bytes of the file.</summary>
    /// <exception cref="CheckpointException">The file has no such bytes.</exception>
    public byte[] Read(long offset, int count)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        return offset >= 0 && count >= 0 && offset <= Length - count
            ? InputFile.Read(Path, _file, offset, count)
            : throw new CheckpointException(Path, $"{count} bytes at {offset} are needed, but the file has {Length} bytes. Download it again.");
    }

    /// <summary>Gives the address of a range that lies inside the file; valid until the file is disposed.</summary>
    public nint Address(long offset, long count)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - count);
        return (nint)(_start + offset);
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
