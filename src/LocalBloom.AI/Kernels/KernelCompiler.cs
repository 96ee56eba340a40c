using LocalBloom.AI.Native;
using static TorchSharp.torch;

namespace LocalBloom.AI.Kernels;

/// <summary>Turns this library's CUDA sources into machine code, on the user's machine. A model's devices share one, so that each source is compiled once for all that are alike. Thread-safe.</summary>
/// <param name="nvrtc">The compiler.</param>
/// <param name="driver">The driver.</param>
internal sealed class KernelCompiler(Nvrtc nvrtc, CudaDriver driver)
{
    private readonly KernelCode _code = new(nvrtc.Compile);

    /// <summary>Gets the driver.</summary>
    public CudaDriver Driver => driver;

    /// <summary>Opens the compiler.</summary>
    /// <param name="driver">The driver; null where there is none.</param>
    /// <param name="torchFolder">As <see cref="Nvrtc.TryOpen"/> takes it.</param>
    /// <returns>Null where it is not found, or there is no driver.</returns>
    public static KernelCompiler? TryOpen(CudaDriver? driver, string torchFolder) =>
        driver is not null && Nvrtc.TryOpen(torchFolder) is { } nvrtc ? new KernelCompiler(nvrtc, driver) : null;

    /// <summary>Compiles a source and loads it on a device. Takes some tenths of a second, the first time.</summary>
    /// <param name="file">For example <c>attention.cu</c>.</param>
    /// <param name="device">The device's ordinal.</param>
    /// <param name="type">What <c>number</c> is in the source.</param>
    /// <param name="follows">Whether each of its kernels waits by itself for the one in front: begins with <c>follow()</c> or its two halves.</param>
    /// <param name="definitions">Further macros.</param>
    /// <exception cref="LocalBloomException">The source does not compile for the device.</exception>
    public CudaModule Compile(string file, int device, ScalarType type, bool follows, params IEnumerable<(string Name, int Value)> definitions) =>
        new(driver, device, _code.For(file, driver.Architecture(device), type, definitions), follows && MayOverlap(device));

    /// <summary>Compiles several variants, on all processors together, and loads them.</summary>
    /// <inheritdoc cref="Compile"/>
    /// <param name="device">As there.</param>
    /// <param name="type">As there.</param>
    /// <param name="follows">As there.</param>
    /// <param name="variants">Of each its source and macros.</param>
    /// <returns>A module for each variant.</returns>
    public IReadOnlyList<CudaModule> CompileEach(
        int device, ScalarType type, bool follows, IReadOnlyList<(string File, IReadOnlyList<(string Name, int Value)> Definitions)> variants)
    {
        string architecture = driver.Architecture(device);
        Task[] compiling = [.. variants.Select(variant => Task.Run(() => _code.For(variant.File, architecture, type, variant.Definitions)))];
        var modules = new List<CudaModule>();
        try
        {
            foreach (((string file, IReadOnlyList<(string, int)> definitions), Task compiled) in variants.Zip(compiling))
            {
                compiled.GetAwaiter().GetResult();
                modules.Add(Compile(file, device, type, follows, definitions));
            }

            return modules;
        }
        catch
        {
            _ = Disposal.All(modules); // what made it fail is what counts
            throw;
        }
    }

    /// <summary>Says whether kernels of a device may begin before the one in front ends, and know how to wait for it.</summary>
    /// <param name="device">The device's ordinal.</param>
    public bool MayOverlap(int device) => driver.ComputeCapability(device).Major >= CudaDriver.Hopper.Major;
}
