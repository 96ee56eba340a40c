using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Kernels;

/// <summary>Launches attention.cu and promptattention.cu on one device. Belongs to the engine thread.</summary>
internal sealed class AttentionKernel : IDisposable
{
    private const int WarpSize = 32;
    private const int Warps = 8;
    private const int AppendThreads = 256;
    private const int LoadBytes = 16;
    private const int PromptRows = 64; // of a block
    private const int PromptThreads = 128;
    private const int PartKeys = 256; // that a block has at once: a tile for each warp
    private const int BlocksForEach = 2; // multiprocessor: so many are worth sharing out a row's keys

    private readonly TorchNative _torch;
    private readonly CudaModule _module;
    private readonly CudaModule? _prompts;
    private readonly int _heads;
    private readonly int _fullBlocks;
    private readonly Tensor _partial;
    private readonly Tensor _arrivals; // zeros between two launches

    /// <summary>Initializes a new instance of the <see cref="AttentionKernel"/> class, compiling it.</summary>
    /// <param name="torch">Tells addresses.</param>
    /// <param name="compiler">Compiles.</param>
    /// <param name="device">The device's ordinal.</param>
    /// <param name="config">A model that it <see cref="Supports"/>.</param>
    /// <param name="type">Of cache and activations.</param>
    public AttentionKernel(TorchNative torch, KernelCompiler compiler, int device, BloomConfig config, ScalarType type)
    {
        _torch = torch;
        _heads = config.HeadCount;
        (string, int)[] sizes = [("HEAD_DIM", config.HeadDim), ("BLOCK_SIZE", LayerCache.BlockSize)];
        _module = compiler.Compile("attention.cu", device, type, follows: true, sizes);
        try
        {
            _prompts = MayShareKeys(config, type, compiler.Driver.ComputeCapability(device)) ? compiler.Compile("promptattention.cu", device, type, follows: true, sizes) : null;
        }
        catch
        {
            _module.Dispose();
            throw;
        }

        _fullBlocks = compiler.Driver.Multiprocessors(device) * BlocksForEach;
        var place = new Device(DeviceType.CUDA, device);
        _partial = empty([_fullBlocks, 2 + config.HeadDim], ScalarType.Float32, place).DetachFromDisposeScope();
        _arrivals = zeros([_fullBlocks], ScalarType.Int32, place).DetachFromDisposeScope();
    }

    /// <summary>Gets a value indicating whether <see cref="AttendPrompt"/> may be called: it takes 16-bit numbers, and tensor cores that know them all.</summary>
    public bool SharesKeys => _prompts is not null;

    /// <summary>Says whether a model's heads are such as the kernel's wide loads need.</summary>
    public static bool Supports(BloomConfig config, ScalarType type) =>
        config.HeadDim * type.ElementSize() % LoadBytes == 0 && config.HeadDim <= 256; // 8 warps' sums must fit 48 KB of shared memory, amply

    /// <summary>Says whether <see cref="AttendPrompt"/> may be called on a device.</summary>
    /// <param name="config">The model.</param>
    /// <param name="type">Of cache and activations.</param>
    /// <param name="capability">The device's compute capability.</param>
    public static bool MayShareKeys(BloomConfig config, ScalarType type, (int Major, int Minor) capability) =>
        type.ElementSize() == sizeof(short) && config.HeadDim % 16 == 0 && config.HeadDim <= 128 && capability.Major >= CudaDriver.Ampere.Major;

    /// <summary>Writes a step's keys and values into the cache.</summary>
    /// <param name="qkv">[rows, heads × (q, k, v) × headDim], contiguous.</param>
    /// <param name="cache">A layer's.</param>
    /// <param name="step">Where rows stand.</param>
    public void Append(Tensor qkv, LayerCache cache, StepContext step) => _module.Launch(
        "append",
        ((int)qkv.size(0), 1),
        (AppendThreads, 1),
        _torch.AddressOf(qkv), _torch.AddressOf(cache.Keys), _torch.AddressOf(cache.Values), _torch.AddressOf(step.Rows), _torch.AddressOf(step.Blocks), _heads);

    /// <summary>Attends with rows of a step, whose keys and values are in the cache.</summary>
    /// <inheritdoc cref="Append"/>
    /// <param name="qkv">As there.</param>
    /// <param name="cache">As there.</param>
    /// <param name="step">As there.</param>
    /// <param name="result">[rows, hidden], contiguous.</param>
    /// <param name="first">The first row that attends.</param>
    /// <param name="count">How many rows; none is nothing to do.</param>
    public void Attend(Tensor qkv, LayerCache cache, StepContext step, Tensor result, int first, int count) =>
        Launch(qkv, cache, step, result, first, count, appends: false);

    /// <summary>Writes a step's keys and values into the cache and attends, all rows, where no sequence has more than one: no row waits for another's keys.</summary>
    /// <inheritdoc cref="Append"/>
    /// <param name="qkv">As there.</param>
    /// <param name="cache">As there.</param>
    /// <param name="step">As there.</param>
    /// <param name="result">[rows, hidden], contiguous.</param>
    public void AppendAttend(Tensor qkv, LayerCache cache, StepContext step, Tensor result) =>
        Launch(qkv, cache, step, result, 0, (int)qkv.size(0), appends: true);

    // Over how many blocks a row's keys are shared out: where there are few rows with many keys, most of the device would wait.
    private int Parts(StepContext step, int first, int count)
    {
        int blocks = _heads * count;
        if (blocks > _fullBlocks / 2)
        {
            return 1;
        }

        int longest = 0;
        foreach (StepSegment segment in step.Segments)
        {
            if (segment.FirstRow < first + count && segment.FirstRow + segment.RowCount > first)
            {
                longest = Math.Max(longest, segment.Length);
            }
        }

        return Math.Clamp((longest + PartKeys - 1) / PartKeys, 1, _fullBlocks / blocks);
    }

    /// <summary>Attends with many rows of one sequence, which share the keys that they read.</summary>
    /// <inheritdoc cref="Attend"/>
    /// <param name="qkv">As there.</param>
    /// <param name="cache">As there.</param>
    /// <param name="step">As there.</param>
    /// <param name="result">As there.</param>
    /// <param name="segment">The sequence's rows.</param>
    public void AttendPrompt(Tensor qkv, LayerCache cache, StepContext step, Tensor result, StepSegment segment) => _prompts!.Launch(
        "attend_prompt",
        (_heads, (segment.RowCount + PromptRows - 1) / PromptRows),
        (PromptThreads, 1),
        RowOf(qkv, segment.FirstRow), _torch.AddressOf(cache.Keys), _torch.AddressOf(cache.Values), RowOf(step.Rows, segment.FirstRow),
        _torch.AddressOf(step.Blocks), _torch.AddressOf(step.Slopes), RowOf(result, segment.FirstRow), _heads, segment.RowCount);

    private void Launch(Tensor qkv, LayerCache cache, StepContext step, Tensor result, int first, int count, bool appends)
    {
        if (count > 0)
        {
            int parts = Parts(step, first, count);
            _module.Launch(
                "attend",
                (_heads * parts, count),
                (WarpSize, Warps),
                RowOf(qkv, first), _torch.AddressOf(cache.Keys), _torch.AddressOf(cache.Values), RowOf(step.Rows, first), _torch.AddressOf(step.Blocks),
                _torch.AddressOf(step.Slopes), RowOf(result, first), _torch.AddressOf(_partial), _torch.AddressOf(_arrivals), _heads, parts, appends ? 1 : 0);
        }
    }

    private nint RowOf(Tensor rows, int number) =>
        _torch.AddressOf(rows) + (number == 0 ? 0 : (nint)(number * rows.size(1) * rows.ElementSize));

    /// <inheritdoc/>
    public void Dispose() => Disposal.AllOrThrow(_prompts is null ? [_module, _partial, _arrivals] : [_module, _prompts, _partial, _arrivals]);
}
