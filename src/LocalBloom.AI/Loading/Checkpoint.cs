using LocalBloom.AI.Model;
using static TorchSharp.torch;

namespace LocalBloom.AI.Loading;

/// <summary>A BLOOM checkpoint on disk, checked as a whole and mapped in place. Its tensors' addresses are valid until it is disposed.</summary>
/// <remarks>Opening reads headers only; weights are the system's file cache, no memory of the process's own. Safe for concurrent reading.</remarks>
internal sealed class Checkpoint : IDisposable
{
    private readonly List<MappedFile> _files = [];
    private readonly List<string> _notes = [];

    private Checkpoint(string folder)
    {
        Folder = folder;
        Config = BloomConfigReader.Read(folder);
        _notes.AddRange(Config.Notes);
        try
        {
            (List<CheckpointTensor> found, List<string> unlisted) = ReadFiles(WeightFiles.Find(folder));
            Tensors = CheckpointLayout.Match(folder, Config, found, unlisted, _notes);
        }
        catch
        {
            Dispose();
            throw;
        }

        AddNotes();
    }

    /// <summary>Gets the folder's full path.</summary>
    public string Folder { get; }

    /// <summary>Gets the model's shape.</summary>
    public BloomConfig Config { get; }

    /// <summary>Gets exactly the tensors of <see cref="CheckpointLayout.Shapes"/>, by canonical name (without <c>transformer.</c>).</summary>
    public IReadOnlyDictionary<string, CheckpointTensor> Tensors { get; }

    /// <summary>Gets where the tokenizer is to be; the tokenizer says so if it is not.</summary>
    public string TokenizerPath => Path.Combine(Folder, "tokenizer.json");

    /// <summary>Gets what was found and ignored, with the reason; for the log.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Gets the number type of the embedding, or of its scales where it is int8.</summary>
    public ScalarType StoredType => Tensors.GetValueOrDefault(BloomTensors.Embedding + Int8Declaration.ScaleSuffix, Tensors[BloomTensors.Embedding]).Type;

    /// <summary>Gets the bytes of all <see cref="Tensors"/>.</summary>
    public long TotalBytes => Tensors.Values.Sum(tensor => tensor.ByteCount);

    /// <summary>Opens a folder and checks all of it: configuration, headers, bounds, names and shapes.</summary>
    /// <exception cref="CheckpointException">Something is missing, broken or no BLOOM model. Nothing stays open.</exception>
    public static Checkpoint Open(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        return Directory.Exists(folder)
            ? new Checkpoint(Path.GetFullPath(folder))
            : throw new CheckpointException(folder, "there is no such folder.");
    }

    /// <inheritdoc/>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    private (List<CheckpointTensor> Found, List<string> Unlisted) ReadFiles(WeightFiles weights)
    {
        List<CheckpointTensor> found = [];
        List<string> unlisted = [];
        foreach (string name in weights.Names)
        {
            var file = MappedFile.Open(Path.Combine(Folder, name));
            _files.Add(file);
            foreach (CheckpointTensor tensor in weights.Read(file))
            {
                if (weights.Index is null || (weights.Index.TryGetValue(tensor.Name, out string? listed) && listed == name))
                {
                    found.Add(tensor);
                }
                else
                {
                    unlisted.Add($"{ErrorText.Name(tensor.Name)} in {name} (not listed there by {weights.IndexName})");
                }
            }
        }

        RefuseAbsent(weights, found);
        return (found, unlisted);
    }

    private void RefuseAbsent(WeightFiles weights, List<CheckpointTensor> found)
    {
        var present = found.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        string[] absent = [.. (weights.Index ?? new Dictionary<string, string>())
            .Where(pair => !present.Contains(pair.Key))
            .Select(pair => $"{ErrorText.Name(pair.Key)} in {ErrorText.Name(pair.Value)}")];
        if (absent.Length > 0)
        {
            throw new CheckpointException(
                Path.Combine(Folder, weights.IndexName!),
                $"{absent.Length} listed tensors are not in the file that the index names: {ErrorText.List(absent)}.");
        }
    }

    private void AddNotes()
    {
        ScalarType[] types = [.. Tensors.Values.Select(tensor => tensor.Type).Where(type => type is not ScalarType.Int8).Distinct()];
        if (Config.DeclaredType is ScalarType declared && types.Any(type => type != declared))
        {
            _notes.Add($"config.json declares {declared}, but the weights are stored as {string.Join(" and ", types)}.");
        }

        if (Tensors.Values.Count(tensor => !tensor.IsAligned) is > 0 and int unaligned)
        {
            _notes.Add($"{unaligned} tensors do not begin at a multiple of their element size: the file's header was not padded.");
        }
    }
}
