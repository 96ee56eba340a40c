using LocalBloom.AI.Diagnostics;
using LocalBloom.AI.Kernels;
using LocalBloom.AI.Model;
using LocalBloom.AI.Native;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Placement;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace LocalBloom.AI.Engine;

/// <summary>Who computes on which device: torch, with our kernels where the device has them. Logical parts of a device share them.</summary>
/// <param name="native">Torch.</param>
/// <param name="compiler">Compiles our kernels; null where there is no compiler.</param>
/// <param name="plan">The model and its devices.</param>
/// <param name="cpuLinear">How a CPU computes linear layers.</param>
/// <param name="logger">Told where kernels are not to be had.</param>
internal sealed class DeviceOps(TorchNative native, KernelCompiler? compiler, DevicePlan plan, ILinearKernel cpuLinear, ILogger logger) : IDisposable
{
    private readonly Dictionary<BloomDevice, IBloomOps> _ops = [];
    private readonly List<IDisposable> _kernels = [];

    /// <summary>Gets the operations of a device.</summary>
    public IBloomOps For(BloomDevice device)
    {
        if (!_ops.TryGetValue(device.Physical, out IBloomOps? ops))
        {
            _ops[device.Physical] = ops = Make(device.Physical);
        }

        return ops;
    }

    /// <inheritdoc/>
    public void Dispose() => Disposal.AllOrThrow(_kernels);

    private IBloomOps Make(BloomDevice device)
    {
        if (device.Kind is not DeviceKind.Cuda)
        {
            return new TorchOps(cpuLinear);
        }

        if (compiler is null)
        {
            EngineLog.NoKernel(logger, device.ToString(), "libnvrtc, CUDA's run-time compiler, is not beside torch");
            return new TorchOps(new FormatLinear(new DenseLinear(native), new DequantizedLinear()));
        }

        (BloomConfig config, (ScalarType type, _), _) = plan.Footprint;
        var pointwise = new PointwiseKernels(native, compiler, device.Index, type);
        _kernels.Add(pointwise);
        var linear = new FormatLinear(Dense(compiler, device, type, pointwise), Int8(compiler, device, type));
        var torch = new TorchOps(linear); // the head goes through it
        if (!AttentionKernel.Supports(config, type))
        {
            EngineLog.NoKernel(logger, device.ToString(), $"heads of {config.HeadDim} numbers are not supported");
            return new CudaOps(linear, torch, pointwise, attention: null);
        }

        var attention = new AttentionKernel(native, compiler, device.Index, config, type);
        _kernels.Add(attention);
        return new CudaOps(linear, torch, pointwise, attention);
    }

    private ILinearKernel Dense(KernelCompiler compiler, BloomDevice device, ScalarType type, PointwiseKernels pointwise)
    {
        var cublas = new CudaLinear(native, pointwise);
        return plan.Footprint.Format.IsAllInt8 ? cublas : FewRows(compiler, device, type, weightBits: 16, cublas); // compiling for nothing takes time
    }

    private ILinearKernel Int8(KernelCompiler compiler, BloomDevice device, ScalarType type)
    {
        if (plan.Footprint.Format.LlmInt8Threshold is { } threshold)
        {
            return new LlmInt8Linear(native, threshold);
        }

        return plan.Footprint.Format.IsInt8 && FewRowsKernel.Supports(compiler.Driver, device.Index, type)
            ? FewRows(compiler, device, type, weightBits: 8, new CudaInt8Linear(Prompts(compiler, device, type)))
            : new DequantizedLinear();
    }

    private ILinearKernel FewRows(KernelCompiler compiler, BloomDevice device, ScalarType type, int weightBits, ILinearKernel others)
    {
        if (!FewRowsKernel.Supports(compiler.Driver, device.Index, type))
        {
            return others;
        }

        var kernel = new FewRowsKernel(native, compiler, device.Index, type, weightBits);
        _kernels.Add(kernel);
        return new FewRowsLinear(kernel, others);
    }

    private ILinearKernel Prompts(KernelCompiler compiler, BloomDevice device, ScalarType type)
    {
        if (!Int8PromptKernel.Supports(compiler.Driver, device.Index))
        {
            var halves = new HalvesKernel(native, compiler, device.Index, type);
            _kernels.Add(halves);
            return new HalvesLinear(native, halves);
        }

        var prompts = new Int8PromptKernel(native, compiler, device.Index, type);
        _kernels.Add(prompts);
        return new Int8PromptLinear(prompts);
    }
}
