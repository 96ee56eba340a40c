namespace LocalBloom.AI.Loading;

/// <summary>Finds the tensors of a file that torch.save wrote (<c>pytorch_model.bin</c>): a zip file of a pickle and its storages.</summary>
internal static class PickleCheckpoint
{
    private const int MaxPickleBytes = 1 << 24; // 176b's largest file has a thousandth of it
    private const string Resave = "Load it in Python with a current torch and save it again, best as safetensors.";

    /// <summary>Reads and checks a file.</summary>
    /// <returns>The tensors under the names that the file gives them.</returns>
    /// <exception cref="CheckpointException">The file is broken, holds anything but tensors, or is of an older format.</exception>
    public static IReadOnlyList<CheckpointTensor> Read(MappedFile file)
    {
        RefuseOlderFormats(file);
        IReadOnlyDictionary<string, ZipEntry> entries = ZipDirectory.Read(file);
        string folder = FindFolder(file.Path, entries);
        CheckByteOrder(file, entries, folder);

        ZipEntry pickle = entries[folder + "data.pkl"];
        if (pickle.Length > MaxPickleBytes)
        {
            throw new CheckpointException(file.Path, $"data.pkl has {pickle.Length} bytes; expected {MaxPickleBytes} at most.");
        }

        var reader = new PickleReader(file.Path, file.Read(pickle.Offset, (int)pickle.Length));
        return [.. reader.ReadDictionary().Select(pair => Resolve(file, entries, folder, pair.Key, pair.Value))];
    }

    private static void RefuseOlderFormats(MappedFile file)
    {
        LfsPointer.Refuse(file);
        byte first = file.Read(0, 1)[0];
        if (first == 0x80)
        {
            throw new CheckpointException(file.Path, $"this was saved by torch before 1.6 (a bare pickle, no zip file). {Resave}");
        }
    }

    private static string FindFolder(string path, IReadOnlyDictionary<string, ZipEntry> entries)
    {
        const string pickle = "data.pkl";
        string[] folders = [.. entries.Keys.Where(name => name.EndsWith("/" + pickle, StringComparison.Ordinal) && name.Count(c => c == '/') == 1)];
        if (folders.Length != 1)
        {
            throw new CheckpointException(path, $"the zip file has {folders.Length} entries FOLDER/data.pkl; expected one, as torch.save writes it.");
        }

        string folder = folders[0][..^pickle.Length];
        return entries.Keys.Any(name => name.StartsWith(folder + "code/", StringComparison.Ordinal) || name == folder + "constants.pkl")
            ? throw new CheckpointException(
                path, "this is a TorchScript archive, a program with weights. Save the model's state_dict() in its place.")
            : folder;
    }

    private static void CheckByteOrder(MappedFile file, IReadOnlyDictionary<string, ZipEntry> entries, string folder)
    {
        // Files from before torch 2.1 do not say; they are little-endian in practice.
        if (entries.TryGetValue(folder + "byteorder", out ZipEntry entry)
            && !(entry.Length == 6 && file.Read(entry.Offset, 6).AsSpan().SequenceEqual("little"u8)))
        {
            throw new CheckpointException(file.Path, $"the entry byteorder does not say 'little': numbers are stored the other way round. {Resave}");
        }
    }

    private static CheckpointTensor Resolve(
        MappedFile file, IReadOnlyDictionary<string, ZipEntry> entries, string folder, string name, object? value)
    {
        if (value is not PickleTensor tensor)
        {
            throw Broken(file, name, "is no tensor; expected a plain state dict, without a wrapper or other values");
        }

        PickleStorage storage = tensor.Storage;
        if (storage.Type.Type is not { } type)
        {
            throw Broken(file, name, $"is a {storage.Type.Name}; expected FloatStorage, HalfStorage or BFloat16Storage");
        }

        if (!entries.TryGetValue($"{folder}data/{storage.Key}", out ZipEntry entry))
        {
            throw Broken(file, name, $"is stored in {ErrorText.Name($"data/{storage.Key}")}, which the file lacks");
        }

        int size = CheckpointTensor.SizeOf(type);
        if (storage.Count != entry.Length / size || entry.Length % size != 0)
        {
            throw Broken(
                file, name, $"needs {(Int128)storage.Count * size} bytes in {ErrorText.Name($"data/{storage.Key}")}, which has {entry.Length}");
        }

        if (!IsInside(tensor))
        {
            throw Broken(
                file, name, $"is a view with shape {ErrorText.Shape(tensor.Shape)}, strides {ErrorText.Shape(tensor.Strides)} and offset " +
                $"{tensor.Offset}, which leaves its storage of {storage.Count} elements");
        }

        long begin = entry.Offset + (tensor.Offset * size);
        return new CheckpointTensor(name, type, tensor.Shape, tensor.Strides, file.Address(begin, 0), file.Name);
    }

    private static bool IsInside(PickleTensor tensor)
    {
        if (tensor.Offset < 0 || tensor.Offset > tensor.Storage.Count
            || tensor.Strides.Length != tensor.Shape.Length || CheckpointTensor.CountElements(tensor.Shape) is not long count)
        {
            return false;
        }

        Int128 last = tensor.Offset; // rank is at most 8 by now, so that the sum stays far inside 128 bits
        for (int i = 0; i < tensor.Shape.Length; i++)
        {
            if (tensor.Strides[i] < 0)
            {
                return false;
            }

            last += (Int128)Math.Max(0, tensor.Shape[i] - 1) * tensor.Strides[i];
        }

        return count == 0 || last < tensor.Storage.Count;
    }

    private static CheckpointException Broken(MappedFile file, string tensor, string problem) =>
        new(file.Path, $"tensor {ErrorText.Name(tensor)} {problem}.");
}
