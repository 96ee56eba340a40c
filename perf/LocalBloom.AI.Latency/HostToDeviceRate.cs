using System.Diagnostics;
using LocalBloom.AI.Native;

namespace LocalBloom.AI.Latency;

/// <summary>How fast pinned memory can be copied to a CUDA device: what streamed layers are to be held against.</summary>
internal static class HostToDeviceRate
{
    private const long Bytes = 400_000_000; // about a layer of 7b1 in 16 bits
    private const int Copies = 5;
    private const int Rounds = 4; // the first one warms up

    /// <returns>The best round's 10⁹ bytes a second.</returns>
    public static double Measure(int device)
    {
        CudaDriver driver = CudaDriver.TryOpen() ?? throw new InvalidOperationException("This machine has no NVIDIA driver.");
        var cuda = new CudaStreams(driver);
        nint target = driver.Allocate(device, Bytes);
        nint source = cuda.AllocatePinned(device, Bytes);
        nint stream = cuda.CreateStream(device);
        try
        {
            return Enumerable.Range(0, Rounds).Select(_ => Round()).Skip(1).Max();
        }
        finally
        {
            cuda.DestroyStream(device, stream);
            cuda.FreePinned(device, source);
            driver.Free(device, target);
        }

        double Round()
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < Copies; i++)
            {
                cuda.CopyToDevice(device, stream, target, source, Bytes);
            }

            cuda.WaitForStream(device, stream);
            return Copies * Bytes / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
        }
    }
}
