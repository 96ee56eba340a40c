using LocalBloom.AI.Model;
using LocalBloom.AI.Placement;

namespace LocalBloom.AI.Testing;

/// <summary>Streamed layers compute what resident ones do, to the last bit. Subclass once per kind of device and number type.</summary>
/// <param name="device">One device; its logical parts are used, too.</param>
/// <param name="type">The number type.</param>
public abstract class OffloadSuite(string device, BloomNumberType type)
{
    // Layers enough for rings on two devices, and ends that weigh less than a layer, so that equal limits leave room for as many layers on both.
    private const string Shape = "12,128,4,256";
    private const int Layers = 12;
    private const int Context = 64;
    private static readonly int[] s_prompt = [.. Enumerable.Range(0, 40).Select(i => (i * 37) % 256)];

    [Theory]
    [InlineData(1, BloomWeightFormat.Dense, false)]
    [InlineData(1, BloomWeightFormat.Int8, false)]
    [InlineData(2, BloomWeightFormat.Dense, false)]
    [InlineData(2, BloomWeightFormat.Int8, false)]
    [InlineData(1, BloomWeightFormat.Dense, true)]
    [InlineData(2, BloomWeightFormat.Int8, true)]
    public void Logits_AreThoseOfResidentLayers_BitForBit(int parts, BloomWeightFormat format, bool fromFile)
    {
        BloomChatClientOptions resident = Options(parts, format);
        BloomChatClientOptions streamed = Options(parts, format);
        streamed.StreamFromFile = fromFile;
        OffloadLimit.Apply(streamed, BloomConfig.ForShape(Shape), [.. Enumerable.Repeat(Layers / parts, parts)], fitting: 3);
        using TestModel expected = TestModel.OfShape(Shape, resident);
        using TestModel actual = TestModel.OfShape(Shape, streamed);

        Assert.Equal(0, expected.Loaded.Plan.StreamedBytes);
        Assert.Equal(fromFile ? SlabStorage.File : SlabStorage.Memory, actual.Loaded.Plan.Storage);
        Assert.All(actual.Loaded.Plan.Shares, share => Assert.Equal((2, (Layers / parts) - 1), (share.Streaming!.Slots, share.Streaming.Layers.Count)));
        foreach (int rows in new[] { Context, 7, 1 }) // a prompt at once, in pieces, and token by token: each step begins the circle anew
        {
            AssertSame(expected.Logits(s_prompt, Math.Min(rows, expected.Loaded.Plan.Footprint.StepRows)), actual.Logits(s_prompt, Math.Min(rows, actual.Loaded.Plan.Footprint.StepRows)));
        }
    }

    [Theory]
    [InlineData("safetensors-f32")]
    [InlineData("bin-f16-noprefix")]
    [InlineData("sharded-bf16-6heads-postln")]
    public void LogitsOfACheckpoint_AreThoseOfResidentLayers_BitForBit(string name)
    {
        BloomChatClientOptions resident = Options(parts: 1, BloomWeightFormat.Dense);
        BloomChatClientOptions streamed = Options(parts: 1, BloomWeightFormat.Dense);
        resident.Model = streamed.Model = Golden.Model(name);
        OffloadLimit.Apply(streamed);
        using var expected = new TestModel(resident);
        using var actual = new TestModel(streamed);

        DeviceShare share = Assert.Single(actual.Loaded.Plan.Shares);
        Assert.Equal(share.LayerCount, share.Streaming!.Layers.Count); // one slot, through which all go
        AssertSame(expected.Logits(s_prompt, 16), actual.Logits(s_prompt, 16));
    }

    private static void AssertSame(float[][] expected, float[][] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(expected[i].AsSpan().SequenceEqual(actual[i]), $"position {i} differs");
        }
    }

    private BloomChatClientOptions Options(int parts, BloomWeightFormat format) => new()
    {
        Model = "random",
        Devices = parts == 1 ? [device] : [.. Enumerable.Range(0, parts).Select(part => $"{device}#{part}")],
        NumberType = type,
        CpuPromptNumberType = type is BloomNumberType.Float32 ? BloomNumberType.Auto : type, // no measurement may choose
        WeightFormat = format,
        MaxContextTokens = Context,
    };
}
