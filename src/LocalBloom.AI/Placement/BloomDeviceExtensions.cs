using TorchSharp;
using static TorchSharp.torch;

namespace LocalBloom.AI.Placement;

/// <summary>Crosses from our device names to torch's.</summary>
internal static class BloomDeviceExtensions
{
    /// <summary>Gets the torch device; logical parts of one device are the same to torch.</summary>
    public static Device ToTorch(this BloomDevice device) =>
        device.Kind is DeviceKind.Cuda ? new Device(DeviceType.CUDA, device.Index) : CPU;
}
