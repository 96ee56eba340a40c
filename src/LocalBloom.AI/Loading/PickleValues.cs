using static TorchSharp.torch;

namespace LocalBloom.AI.Loading;

/// <summary>The names that a saved state dict may refer to. None of them is ever called: each is a case of our own.</summary>
internal enum PickleFunction
{
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
}

/// <summary>A storage's type. <paramref name="Type"/> is <see langword="null"/> for formats that no BLOOM weight may have.</summary>
internal sealed record PickleStorageType(string Name, ScalarType? Type);

/// <summary>A storage of a saved file, by the name of its zip entry.</summary>
/// <param name="Type">What it holds.</param>
/// <param name="Key">The entry's name below <c>data/</c>.</param>
/// <param name="Count">Its elements.</param>
internal sealed record PickleStorage(PickleStorageType Type, string Key, long Count);

/// <summary>A view of a storage. Offset and strides are in elements; nothing is checked yet against the storage.</summary>
internal sealed record PickleTensor(PickleStorage Storage, long Offset, long[] Shape, long[] Strides);
