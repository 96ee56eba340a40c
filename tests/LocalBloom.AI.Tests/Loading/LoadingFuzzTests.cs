using LocalBloom.AI.Loading;

namespace LocalBloom.AI.Tests.Loading;

/// <summary>Whatever happens to a file's bytes, it opens or is refused: no other exception, no crash, no read outside the file.</summary>
public class LoadingFuzzTests
{
    private const int Mutations = 400;

    [Theory]
    [InlineData("config.json", 1)]
    [InlineData("model.safetensors", 2)]
    [InlineData("model.safetensors.index.json", 3)]
    [InlineData("pytorch_model.bin", 4)]
    [InlineData("pytorch_model.bin", 5)]
    public void Open_MutatedFile_OpensOrIsRefused(string name, int seed)
    {
        var random = new Random(seed);
        using TemporaryFolder folder = Create(name, zip64: seed == 5);
        byte[] original = File.ReadAllBytes(folder.File(name));
        long sum = 0;
        for (int i = 0; i < Mutations; i++)
        {
            folder.Write(name, Mutate(original, random, isZip: name.EndsWith(".bin", StringComparison.Ordinal)));
            try
            {
                using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
                sum += checkpoint.Tensors.Values.Sum(Touch);
            }
            catch (CheckpointException e)
            {
                Assert.NotEmpty(e.Message);
            }
        }

        Assert.NotEqual(-1, sum);
    }

    private static TemporaryFolder Create(string name, bool zip64)
    {
        if (name.EndsWith(".bin", StringComparison.Ordinal))
        {
            return TinyModel.WithPickle(writer => writer.Zip64 = zip64);
        }

        TemporaryFolder folder = TinyModel.WithSafetensors(_ => { });
        if (name.EndsWith("index.json", StringComparison.Ordinal))
        {
            File.Move(folder.File("model.safetensors"), folder.File("a"));
            folder.Write(name, $$"""{"weight_map":{ {{string.Join(',', TinyModel.Tensors().Select(tensor => $"\"{tensor.Name}\":\"a\""))}} } }""");
        }

        return folder;
    }

    private static byte[] Mutate(byte[] original, Random random, bool isZip)
    {
        byte[] bytes = [.. original];
        if (random.Next(6) == 0)
        {
            return bytes[..random.Next(bytes.Length)];
        }

        // Most changes go to where the structure is: the beginning of a file, or pickle, directory and end record at the end of a zip file.
        int structured = Math.Min(bytes.Length, 4096);
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            int position = random.Next(4) == 0 ? random.Next(bytes.Length) : random.Next(structured);
            position = isZip ? bytes.Length - 1 - position : position;
            bytes[position] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(bytes[position] ^ (1 << random.Next(8))), _ => 0xff };
        }

        return bytes;
    }

    private static unsafe long Touch(CheckpointTensor tensor)
    {
        long last = tensor.Shape.Zip(tensor.Strides, (size, stride) => (size - 1) * stride).Sum();
        return ((byte*)tensor.Address)[0] + ((byte*)tensor.Address)[(last * tensor.ElementSize) + tensor.ElementSize - 1];
    }
}
