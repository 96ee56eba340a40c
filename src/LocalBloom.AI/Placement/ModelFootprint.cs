using LocalBloom.AI.Model;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Sampling;
using LocalBloom.AI.Weights;
using static TorchSharp.torch;

namespace LocalBloom.AI.Placement;

/// <summary>How much memory the parts of a model take. A pure function of shapes.</summary>
/// <param name="Config">The model's sizes.</param>
/// <param name="Format">How weights are kept; its number type is that of cache and activations.</param>
/// <param name="ContextTokens">The most tokens of one sequence.</param>
internal sealed record ModelFootprint(BloomConfig Config, WeightFormat Format, int ContextTokens)
{
    /// <summary>A step may have so many rows, whatever the context.</summary>
    public const int MinStepRows = 32;

    // Scores, biases and probabilities of a step exist in float32 at once: so many elements each, so that they stay well under a gigabyte.
    private const long MaxScoreElements = 1L << 24;

    // Torch's allocator keeps blocks of sizes that do not recur: on an H100 it came to a fifth more than what was in use at once, with prompts and
    // replies of many lengths (OffloadMemoryTests).
    private const int AllocatorLoss = 4;
    private const int MaxStepRows = 512;

    /// <summary>Gets the number type of cache and activations.</summary>
    public ScalarType Type => Format.Type;

    /// <summary>Gets the tokens of all sequences together that the cache holds; one context unless given.</summary>
    public int CacheTokens { get; init; } = ContextTokens;

    /// <summary>Gets the most sequences whose next token is chosen in one step.</summary>
    public int MaxSequences { get; init; } = 1;

    /// <summary>Gets the most tokens of a prompt that are computed in one step.</summary>
    public int StepRows { get; init; } =
        (int)Math.Clamp(MaxScoreElements / ((long)Config.HeadCount * ContextTokens), Math.Min(MinStepRows, ContextTokens), Math.Min(MaxStepRows, ContextTokens));

    /// <summary>Gets the blocks of the cache.</summary>
    public int CacheBlocks => LayerCache.BlockCount(CacheTokens);

    /// <summary>Gets the bytes of one layer's weights.</summary>
    public long LayerWeightBytes => Format.SizeOf(BloomTensors.Layer(Config, 0));

    /// <summary>Gets the bytes of one layer's cache.</summary>
    public long LayerCacheBytes => LayerCache.SizeOf(Config, Type, CacheBlocks);

    /// <summary>Gets the bytes of embedding, outer norms and head.</summary>
    public long EndsBytes => Format.SizeOf(BloomTensors.Ends(Config));

    /// <summary>Gets the bytes of a device's buffers: the blocks' own, and ALiBi's slopes.</summary>
    public long WorkBytes => Workspace.SizeOf(Config, Config.HiddenSize, Type, StepRows) + DeviceArena.SizeOf(ScalarType.Float32, Config.HeadCount);

    // Attention through torch: bias, scores and probabilities; float32 copies of keys and values. Our kernels take nothing in passing.
    private long AttentionBytes(DeviceMemory device) => CudaOps.AttendsByKernels(Config, Type, ContextTokens, device.KernelCapability)
        ? 0
        : (4L * sizeof(float) * Config.HeadCount * StepRows * ContextTokens) + (2L * sizeof(float) * Config.HiddenSize * ContextTokens);

    // The stream's norms; logits. An upper bound, not a sum.
    private long PassingBytes =>
        (8L * sizeof(float) * Config.HiddenSize * StepRows) +
        (2L * sizeof(float) * Config.VocabularySize * MaxSequences) +
        BatchSampler.TemporaryBytes(MaxSequences, Config.VocabularySize);

    /// <summary>Gets all weights' bytes.</summary>
    public long TotalWeightBytes => EndsBytes + (Config.LayerCount * LayerWeightBytes);

    /// <summary>Gets the most bytes that torch's allocator takes for a step's passing tensors on a device.</summary>
    public long TemporaryBytes(DeviceMemory device) => TemporaryBytes(device, BloomTensors.Ends(Config).Concat(BloomTensors.Layer(Config, 0)));

    /// <inheritdoc cref="TemporaryBytes(DeviceMemory)"/>
    /// <param name="device">The device.</param>
    /// <param name="tensors">What it has of the weights, where those are not these sizes' own.</param>
    public long TemporaryBytes(DeviceMemory device, IEnumerable<(string Name, long[] Shape)> tensors)
    {
        long passing = PassingBytes + AttentionBytes(device) + new ProductMemory(Format, tensors, StepRows).BytesOn(device);
        return passing + (passing / AllocatorLoss);
    }

    /// <summary>Gets what a device would hold.</summary>
    public DeviceShare Share(DeviceMemory device, int firstLayer, int layerCount, bool hasEnds) => new(
        device,
        firstLayer,
        layerCount,
        hasEnds,
        (layerCount * LayerWeightBytes) + (hasEnds ? EndsBytes : 0),
        layerCount * LayerCacheBytes,
        WorkBytes,
        TemporaryBytes(device));
}
