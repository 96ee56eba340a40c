using LocalBloom.AI.Diagnostics;
using LocalBloom.AI.Kernels;
using LocalBloom.AI.Native;
using LocalBloom.AI.Ops;
using LocalBloom.AI.Placement;
using Microsoft.Extensions.Logging;

namespace LocalBloom.AI.Engine;

/// <summary>Who computes on which device: torch, with our kernels where the device has them. Logical parts of a device share them.</summary>
/// <param name="native">Torch.</param>
/// <param name="driver">CUDA's driver; null where there is none.</param>
/// <param name="plan">The model and its devices.</param>
/// <param name="linear">How linear layers are computed.</param>
/// <param name="logger">Told where kernels are not to be had.</param>
internal sealed class DeviceOps(TorchNative native, CudaDriver? driver, DevicePlan plan, ILinearKernel linear, ILogger logger) : IDisposable
{
    private readonly Dictionary<BloomDevice, IBloomOps> _ops = [];
    private readonly List<AttentionKernel> _kernels = [];

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
    public void Dispose() => _kernels.ForEach(kernel => kernel.Dispose());

    private IBloomOps Make(BloomDevice device)
    {
        var torch = new TorchOps(native, linear);
        if (device.Kind is not DeviceKind.Cuda)
        {
            return torch;
        }

        if (!AttentionKernel.Supports(plan.Footprint.Config, plan.Footprint.Type))
        {
            EngineLog.NoKernel(logger, device.ToString(), $"heads of {plan.Footprint.Config.HeadDim} numbers are not supported");
            return torch;
        }

        if (Nvrtc.TryOpen(native.Folder) is not { } nvrtc)
        {
            EngineLog.NoKernel(logger, device.ToString(), "libnvrtc, CUDA's run-time compiler, is not beside torch");
            return torch;
        }

        var kernel = new AttentionKernel(native, new KernelCompiler(nvrtc, driver!), device.Index, plan.Footprint.Config, plan.Footprint.Type);
        _kernels.Add(kernel);
        return new CudaOps(torch, kernel);
    }
}
