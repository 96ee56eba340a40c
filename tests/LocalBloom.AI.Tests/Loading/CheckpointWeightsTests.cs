using System.Runtime.InteropServices;
using LocalBloom.AI.Loading;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Tests.Loading;

public class CheckpointWeightsTests
{
    private const string Embedding = "word_embeddings.weight";

    private static readonly TorchNative s_torch = TorchNative.Load(null);

    [Fact]
    public void Fill_Float16_ToFloat32_IsExactForEveryValue()
    {
        ushort[] patterns = [.. Enumerable.Range(0, 1 << 16).Select(i => (ushort)i)];
        using TemporaryFolder folder = WithEmbedding("F16", patterns);

        float[] filled = Fill<float>(folder, Embedding, ScalarType.Float32, 8192, 8);

        // -0 and 0 differ in bits; one NaN is as good as another.
        Assert.All(patterns, bits =>
        {
            float expected = (float)BitConverter.UInt16BitsToHalf(bits);
            Assert.True(float.IsNaN(expected) ? float.IsNaN(filled[bits]) : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(filled[bits]));
        });
    }

    [Fact]
    public void Fill_BFloat16_ToFloat32_IsExactForEveryValue()
    {
        ushort[] patterns = [.. Enumerable.Range(0, 1 << 16).Select(i => (ushort)i)];
        using TemporaryFolder folder = WithEmbedding("BF16", patterns);

        float[] filled = Fill<float>(folder, Embedding, ScalarType.Float32, 8192, 8);

        Assert.All(patterns, bits =>
        {
            float expected = BitConverter.Int32BitsToSingle(bits << 16); // a bfloat16 is the upper half of a float32
            Assert.True(float.IsNaN(expected) ? float.IsNaN(filled[bits]) : expected.Equals(filled[bits]));
        });
    }

    [Fact]
    public void Fill_InTheStoredType_CopiesBits()
    {
        ushort[] patterns = [.. Enumerable.Range(0, 1 << 16).Select(i => (ushort)i)];
        using TemporaryFolder folder = WithEmbedding("F16", patterns);

        Half[] filled = Fill<Half>(folder, Embedding, ScalarType.Float16, 8192, 8);

        Assert.Equal(patterns, filled.Select(BitConverter.HalfToUInt16Bits));
    }

    // 64 MiB are 2^20 rows of 16 floats: what is marked is the first and last row of each chunk, and nothing else is touched.
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    public void Fill_TensorLargerThanAChunk_IsWhole(ScalarType type)
    {
        const int Rows = (2 << 20) + 5, Width = 16;
        int[] marked = [0, (1 << 20) - 1, 1 << 20, (2 << 20) - 1, 2 << 20, Rows - 1];
        using TemporaryFolder folder = SparseCheckpoint.Create(BloomConfig.ForShape($"1,{Width},2,{Rows}"), "F32");
        Mark(folder, marked, Width);
        using IWeightSource weights = Open(folder);
        using DisposeScope scope = NewDisposeScope();
        Tensor filled = full([Rows, Width], -1, type);

        weights.Fill(Embedding, filled, TestContext.Current.CancellationToken);

        Assert.Equal(marked.Select(row => (long)row * Width), filled.view(-1).nonzero().view(-1).data<long>());
        Assert.Equal(Enumerable.Range(1, marked.Length).Select(i => (float)i), marked.Select(row => filled[row, 0].to_type(ScalarType.Float32).item<float>()));
    }

    [Fact]
    public void Fill_Cancelled_Throws()
    {
        using TemporaryFolder folder = TinyModel.WithSafetensors(_ => { });
        using IWeightSource weights = Open(folder);
        using Tensor filled = zeros(16, 8);

        Assert.Throws<OperationCanceledException>((Action)(() => weights.Fill(Embedding, filled, new CancellationToken(canceled: true))));
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Fill_PickledView_IsReadByItsStrides(ScalarType type)
    {
        const string Down = "h.0.mlp.dense_4h_to_h.weight"; // [8, 32], stored as [32, 8] and transposed
        using TemporaryFolder folder = WithTransposed(Down);

        float[] filled = Fill<float>(folder, Down, type, 8, 32);

        Assert.Equal(Enumerable.Range(0, 8).SelectMany(i => Enumerable.Range(0, 32).Select(j => (float)(i + (8 * j)))), filled); // below 256: exact in bfloat16
    }

    [Theory]
    [InlineData(1, ScalarType.Float32)]
    [InlineData(2, ScalarType.Float32)]
    [InlineData(3, ScalarType.Float16)]
    public void Fill_UnalignedData_IsRead(int offset, ScalarType type)
    {
        using TemporaryFolder folder = TinyModel.WithSafetensors(writer =>
        {
            writer.Padding = 1;
            string header = writer.RightHeader();
            writer.Header = header + new string(' ', (offset - header.Length) & 3); // after 8 bytes of length the data begins at header.Length
            writer.Tensors[0] = writer.Tensors[0] with { Bytes = MemoryMarshal.AsBytes<float>([.. Enumerable.Range(0, 128).Select(i => (float)i)]).ToArray() };
        });
        using (Checkpoint checkpoint = Checkpoint.Open(folder.Path))
        {
            Assert.Equal(offset, checkpoint.Tensors[Embedding].Address % 4);
        }

        Assert.Equal(Enumerable.Range(0, 128).Select(i => (float)i), Fill<float>(folder, Embedding, type, 16, 8));
        Assert.Equal(Enumerable.Repeat(16f, 8), Fill<float>(folder, "ln_f.bias", type, 8)); // the 17th tensor
    }

    private static CheckpointWeights Open(TemporaryFolder folder) => new(Checkpoint.Open(folder.Path), s_torch);

    private static T[] Fill<T>(TemporaryFolder folder, string name, ScalarType type, params long[] shape)
        where T : unmanaged
    {
        using IWeightSource weights = Open(folder);
        using DisposeScope scope = NewDisposeScope();
        Tensor filled = empty(shape, type);
        weights.Fill(name, filled, TestContext.Current.CancellationToken);
        return [.. (typeof(T) == typeof(float) ? filled.to_type(ScalarType.Float32) : filled).data<T>()];
    }

    private static TemporaryFolder WithEmbedding(string type, ushort[] bits)
    {
        List<TinyTensor> tensors = TinyModel.Tensors();
        tensors[0] = new TinyTensor("transformer." + Embedding, [bits.Length / 8, 8], MemoryMarshal.AsBytes<ushort>(bits).ToArray(), type);
        return new TemporaryFolder()
            .Write("config.json", TinyModel.Config.Replace("\"vocab_size\": 16", $"\"vocab_size\": {bits.Length / 8}", StringComparison.Ordinal))
            .Write("model.safetensors", new SafetensorsWriter(tensors).ToBytes());
    }

    private static TemporaryFolder WithTransposed(string name) => TinyModel.WithPickle(writer =>
    {
        List<TinyTensor> tensors = TinyModel.Tensors("");
        var pickle = new PickleWriter().Op("}(");
        for (int i = 0; i < tensors.Count; i++)
        {
            bool isView = tensors[i].Name == name;
            long count = tensors[i].Bytes.Length / 4;
            pickle.Text(tensors[i].Name).Tensor($"{i}", count, 0, tensors[i].Shape, isView ? [1, tensors[i].Shape[0]] : null);
            writer.Set($"archive/data/{i}", isView ? MemoryMarshal.AsBytes<float>([.. Enumerable.Range(0, (int)count).Select(n => (float)n)]).ToArray() : tensors[i].Bytes);
        }

        writer.SetPickle(pickle.Op("u."));
    });

    private static void Mark(TemporaryFolder folder, int[] rows, int width)
    {
        using FileStream file = File.Open(folder.File("model.safetensors"), FileMode.Open);
        var length = new byte[8];
        file.ReadExactly(length);
        for (int i = 0; i < rows.Length; i++)
        {
            file.Position = 8 + BitConverter.ToInt64(length) + (4L * width * rows[i]); // the embedding comes first
            file.Write(BitConverter.GetBytes((float)(i + 1)));
        }
    }
}
