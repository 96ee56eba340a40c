using System.Buffers.Binary;
using System.Text;

namespace LocalBloom.AI.Tests.Loading;

/// <summary>Writes safetensors files, broken ones too.</summary>
internal sealed class SafetensorsWriter(List<TinyTensor> tensors)
{
    /// <summary>Gets the tensors in file order.</summary>
    public List<TinyTensor> Tensors { get; } = tensors;

    /// <summary>Gets or sets a header in place of the right one.</summary>
    public string? Header { get; set; }

    /// <summary>Gets or sets the header's multiple; 1 is what early writers did.</summary>
    public int Padding { get; set; } = 8;

    /// <summary>Gets or sets what is done to the finished file.</summary>
    public Func<byte[], byte[]> Finish { get; set; } = bytes => bytes;

    /// <summary>Gives the right header.</summary>
    public string RightHeader()
    {
        var header = new StringBuilder("""{"__metadata__":{"format":"pt"}""");
        long begin = 0;
        foreach (TinyTensor tensor in Tensors)
        {
            long end = begin + tensor.Bytes.Length;
            header.Append($$""","{{tensor.Name}}":{"dtype":"{{tensor.Type}}","shape":[{{string.Join(',', tensor.Shape)}}],"data_offsets":[{{begin}},{{end}}]}""");
            begin = end;
        }

        return header.Append('}').ToString();
    }

    public byte[] ToBytes()
    {
        byte[] header = Encoding.UTF8.GetBytes(Header ?? RightHeader());
        int padded = (header.Length + Padding - 1) / Padding * Padding;
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, padded);
        byte[] spaces = [.. Enumerable.Repeat((byte)' ', padded - header.Length)];
        return Finish([.. length, .. header, .. spaces, .. Tensors.SelectMany(tensor => tensor.Bytes)]);
    }
}
