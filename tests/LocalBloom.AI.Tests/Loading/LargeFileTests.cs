using LocalBloom.AI.Loading;

namespace LocalBloom.AI.Tests.Loading;

/// <summary>Files beyond 4 GiB, as the shards of 7b1 are: sparse here, so that they take no room on the disk.</summary>
public class LargeFileTests
{
    [Fact]
    public void Open_SafetensorsBeyond4GiB_CopiesNothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems would write the zeros.");
        const string config = """{"model_type": "bloom", "vocab_size": 250880, "hidden_size": 4608, "n_layer": 1, "n_head": 36}""";
        const long embeddings = 250_880L * 4608 * 4;
        using TemporaryFolder folder = new TemporaryFolder().Write("config.json", config);
        SparseCheckpoint.WriteWeights(folder.File("model.safetensors"), BloomConfigReader.Read(folder.Path), "F32");
        long before = GC.GetAllocatedBytesForCurrentThread();

        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.True(checkpoint.TotalBytes > embeddings);
        Assert.True(checkpoint.Tensors["ln_f.bias"].Address - checkpoint.Tensors["word_embeddings.weight"].Address > embeddings);
    }

    [Fact]
    public void Open_Zip64Beyond4GiB_FindsItsEntries()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems would write the zeros.");
        using TemporaryFolder folder = new TemporaryFolder().Write("config.json", TinyModel.Config);
        var writer = new TorchFileWriter { Zip64 = true };
        writer.AddStateDict(TinyModel.Tensors());
        using (FileStream file = File.Create(folder.File("pytorch_model.bin")))
        {
            file.Position = 5L << 30;
            writer.WriteTo(file);
        }

        using Checkpoint checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal(16, FirstValue(checkpoint.Tensors["ln_f.bias"])); // the 17th tensor
    }

    private static unsafe float FirstValue(CheckpointTensor tensor) => *(float*)tensor.Address;
}
