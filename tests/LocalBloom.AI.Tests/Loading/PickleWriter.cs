using System.Text;

namespace LocalBloom.AI.Tests.Loading;

/// <summary>Writes pickles of protocol 2, opcode by opcode.</summary>
public sealed class PickleWriter
{
    private readonly List<byte> _bytes = [];

    /// <summary>Gets or sets the protocol that the pickle claims.</summary>
    public byte Protocol { get; set; } = 2;

    public byte[] ToBytes() => [0x80, Protocol, .. _bytes];

    public PickleWriter Op(string opcodes) => Raw([.. opcodes.Select(c => (byte)c)]);

    public PickleWriter Raw(params ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public PickleWriter Global(string module, string name) => Op($"c{module}\n{name}\n");

    public PickleWriter Text(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        return Raw((byte)'X').Raw(BitConverter.GetBytes(utf8.Length)).Raw(utf8);
    }

    public PickleWriter Whole(long value) => Raw(0x8a, 8).Raw(BitConverter.GetBytes(value));

    public PickleWriter Storage(string key, long count, string type = "FloatStorage") =>
        Op("(").Text("storage").Global("torch", type).Text(key).Text("cpu").Whole(count).Op("tQ");

    public PickleWriter Longs(params ReadOnlySpan<long> values)
    {
        Op("(");
        foreach (long value in values)
        {
            Whole(value);
        }

        return Op("t");
    }

    public PickleWriter Tensor(string key, long count, long offset, long[] shape, long[]? strides = null, string type = "FloatStorage") =>
        Global("torch._utils", "_rebuild_tensor_v2").Op("(").Storage(key, count, type).Whole(offset).Longs(shape)
            .Longs(strides ?? LocalBloom.AI.Loading.CheckpointTensor.RowMajor(shape))
            .Raw(0x89).Global("collections", "OrderedDict").Op(")RtR");
}
