using System.Buffers.Binary;
using System.Text;

namespace LocalBloom.AI.Loading;

/// <summary>Reads the pickle of a state dict. It knows what torch.save emits for tensors, and nothing else: nothing is looked up or called.</summary>
/// <remarks>
/// Source: the opcodes of pickle protocol 2, Lib/pickletools.py of CPython; torch/_weights_only_unpickler.py for what a state dict needs of them.
/// Values refer to each other and are never walked, so neither nesting nor cycles cost stack; each opcode adds a bounded amount of memory.
/// </remarks>
internal sealed class PickleReader(string path, byte[] bytes)
{
    private const int MaxValues = 1 << 20; // of stack and memo; 176b's largest file needs a thousandth of it

    private static readonly object s_mark = new();

    private readonly List<object?> _stack = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _position;

    /// <summary>Reads the whole pickle.</summary>
    /// <exception cref="CheckpointException">The pickle is broken or wants something that is no tensor.</exception>
    public IReadOnlyDictionary<string, object?> ReadDictionary()
    {
        for (byte op = Byte(); op != '.'; op = Byte())
        {
            if (!(Constant(op) || Memo(op) || Collection(op) || Object(op)))
            {
                throw Broken($"uses opcode 0x{op:x2}, which torch.save does not emit for tensors");
            }
        }

        return Pop() as Dictionary<string, object?> ?? throw Broken("holds no dictionary; expected a state dict");
    }

    private bool Constant(byte op)
    {
        switch (op)
        {
            case 0x80 when Byte() is not 2 and var protocol: throw Broken($"has protocol {protocol}; expected 2, the default of torch.save");
            case 0x80: break;
            case (byte)'N': Push(null); break;
            case 0x88: Push(true); break;
            case 0x89: Push(false); break;
            case (byte)'K': Push((long)Byte()); break;
            case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case 0x8a: Push(LongInteger()); break;
            case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
            case (byte)'X': Push(Utf8(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))))); break;
            default: return false;
        }

        return true;
    }

    private bool Memo(byte op)
    {
        switch (op)
        {
            case (byte)'q': Remember(Byte()); break;
            case (byte)'r': Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
            case (byte)'h': Push(Recall(Byte())); break;
            case (byte)'j': Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
            default: return false;
        }

        return true;
    }

    private bool Collection(byte op)
    {
        switch (op)
        {
            case (byte)'(': Push(s_mark); break;
            case (byte)')': Push(Array.Empty<object?>()); break;
            case (byte)']': Push(new List<object?>()); break;
            case (byte)'}': Push(NewDictionary()); break;
            case 0x85 or 0x86 or 0x87: Push(PopMany(op - 0x84)); break;
            case (byte)'t': Push(PopToMark()); break;
            case (byte)'a': Append(PopMany(1)); break;
            case (byte)'e': Append(PopToMark()); break;
            case (byte)'s': SetItems(PopMany(2)); break;
            case (byte)'u': SetItems(PopToMark()); break;
            default: return false;
        }

        return true;
    }

    private bool Object(byte op)
    {
        switch (op)
        {
            case (byte)'c': Push(Global(Line(), Line())); break;
            case (byte)'Q': Push(PersistentStorage(Pop())); break;
            case (byte)'R': Push(Call(arguments: Pop(), function: Pop())); break;
            case (byte)'b': IgnoreAttributes(Pop()); break;
            default: return false;
        }

        return true;
    }

    private object Global(string module, string name) => (module, name) switch
    {
        ("collections", "OrderedDict") => PickleFunction.OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2") => PickleFunction.RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => PickleFunction.RebuildParameter,
        ("torch", "FloatStorage") => new PickleStorageType(name, TorchSharp.torch.ScalarType.Float32),
        ("torch", "HalfStorage") => new PickleStorageType(name, TorchSharp.torch.ScalarType.Float16),
        ("torch", "BFloat16Storage") => new PickleStorageType(name, TorchSharp.torch.ScalarType.BFloat16),
        ("torch", "DoubleStorage" or "LongStorage" or "IntStorage" or "ShortStorage" or "CharStorage" or "ByteStorage" or "BoolStorage") =>
            new PickleStorageType(name, null),
        _ => throw Broken(
            $"wants {ErrorText.Name($"{module}.{name}")}, but only tensors are read. Nothing was executed. " +
            "If you trust the file, load it in Python and save its state_dict() alone, best as safetensors"),
    };

    private PickleStorage PersistentStorage(object? id) =>
        id is object?[] and ["storage", PickleStorageType type, string key, string, long count and >= 0]
            ? new PickleStorage(type, key, count)
            : throw Broken("refers to something that is no storage ('storage', type, key, location, count)");

    private object Call(object? arguments, object? function) => (function, arguments as object?[]) switch
    {
        (PickleFunction.OrderedDict, []) => NewDictionary(),
        (PickleFunction.RebuildTensor, [PickleStorage storage, long offset, object?[] shape, object?[] strides, bool, _, ..]) =>
            new PickleTensor(storage, offset, Longs(shape), Longs(strides)),
        (PickleFunction.RebuildParameter, [PickleTensor tensor, bool, _]) => tensor,
        (PickleFunction known, _) => throw Broken($"rebuilds an object ({known}) from arguments that torch.save does not write"),
        _ => throw Broken("calls something that is no function"),
    };

    // torch keeps version numbers of modules (_metadata) as an attribute of the state dict.
    private void IgnoreAttributes(object? attributes)
    {
        if (attributes is not Dictionary<string, object?> || Peek() is not Dictionary<string, object?>)
        {
            throw Broken("sets the state of something that is no dictionary");
        }
    }

    private void Append(ReadOnlySpan<object?> items) =>
        (Peek() as List<object?> ?? throw Broken("appends to something that is no list")).AddRange(items);

    private void SetItems(ReadOnlySpan<object?> items)
    {
        if (Peek() is not Dictionary<string, object?> dictionary || items.Length % 2 != 0)
        {
            throw Broken("sets items of something that is no dictionary");
        }

        for (int i = 0; i < items.Length; i += 2)
        {
            string key = items[i] as string ?? throw Broken("has a dictionary whose keys are no strings; expected a state dict");
            if (!dictionary.TryAdd(key, items[i + 1]))
            {
                throw Broken($"has {ErrorText.Name(key)} twice");
            }
        }
    }

    // Bounded, since a pickle can refer to one long tuple any number of times and would have it copied each time.
    private long[] Longs(object?[] values) => values.Length <= CheckpointTensor.MaxRank
        ? Array.ConvertAll(values, value => value is long number ? number : throw Broken("has a shape or stride that is no whole number"))
        : throw Broken($"has a tensor of {values.Length} dimensions; expected {CheckpointTensor.MaxRank} at most");

    private static Dictionary<string, object?> NewDictionary() => new(StringComparer.Ordinal);

    private void Push(object? value)
    {
        _stack.Add(value);
        if (_stack.Count > MaxValues)
        {
            throw Broken($"stacks more than {MaxValues} values");
        }
    }

    private object? Pop() => PopMany(1)[0];

    private object? Peek() => _stack is [.., var top] && top != s_mark ? top : throw Broken("takes a value where none is");

    private object?[] PopMany(int count)
    {
        int begin = _stack.Count - count;
        if (begin < 0 || _stack.IndexOf(s_mark, begin) >= 0)
        {
            throw Broken("takes a value where none is");
        }

        return PopFrom(begin);
    }

    private object?[] PopToMark()
    {
        int mark = _stack.LastIndexOf(s_mark);
        if (mark < 0)
        {
            throw Broken("ends a list that it never began");
        }

        object?[] values = PopFrom(mark + 1);
        _stack.RemoveAt(mark);
        return values;
    }

    private object?[] PopFrom(int begin)
    {
        object?[] values = [.. _stack[begin..]];
        _stack.RemoveRange(begin, values.Length);
        return values;
    }

    private void Remember(uint index)
    {
        _memo[index] = Peek();
        if (_memo.Count > MaxValues)
        {
            throw Broken($"remembers more than {MaxValues} values");
        }
    }

    private object? Recall(uint index) =>
        _memo.TryGetValue(index, out object? value) ? value : throw Broken($"recalls value {index}, which it never stored");

    private long LongInteger()
    {
        ReadOnlySpan<byte> digits = Take(Byte());
        if (digits.Length > sizeof(long))
        {
            throw Broken($"has a number of {digits.Length} bytes");
        }

        long value = digits is [.., >= 0x80] ? -1 : 0; // two's complement: the last byte has the sign
        for (int i = digits.Length - 1; i >= 0; i--)
        {
            value = (value << 8) | digits[i];
        }

        return value;
    }

    private string Line()
    {
        const int maxLine = 256;
        ReadOnlySpan<byte> rest = bytes.AsSpan(_position, Math.Min(maxLine, bytes.Length - _position));
        int end = rest.IndexOf((byte)'\n');
        string line = end >= 0 ? Utf8(rest[..end]) : throw Broken("names something without an end");
        _position += end + 1;
        return line;
    }

    private string Utf8(ReadOnlySpan<byte> text)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(text);
        }
        catch (DecoderFallbackException)
        {
            throw Broken("has text that is no UTF-8");
        }
    }

    private byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(uint count)
    {
        if (count > bytes.Length - _position)
        {
            throw Broken($"needs {count} bytes where {bytes.Length - _position} are left");
        }

        _position += (int)count;
        return bytes.AsSpan(_position - (int)count, (int)count);
    }

    private CheckpointException Broken(string problem) => new(path, $"the pickle (data.pkl, byte {_position}) {problem}.");
}
