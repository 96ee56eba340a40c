using LocalBloom.AI.Native;
using static TorchSharp.torch;

namespace LocalBloom.AI.Kernels;

/// <summary>Turns this library's CUDA sources into machine code, on the user's machine.</summary>
/// <param name="nvrtc">The compiler.</param>
/// <param name="driver">The driver.</param>
internal sealed class KernelCompiler(Nvrtc nvrtc, CudaDriver driver)
{
    private const string Common = "common.cuh";

    /// <summary>Gets the driver.</summary>
    public CudaDriver Driver => driver;

    /// <summary>Says whether kernels of a device may begin before the one in front ends, and know how to wait for it.</summary>
    public bool MayOverlap(int device) => driver.ComputeCapability(device).Major >= CudaDriver.Hopper.Major;

    /// <summary>Compiles a source and loads it on a device. Takes some tenths of a second.</summary>
    /// <param name="file">For example <c>attention.cu</c>.</param>
    /// <param name="device">The device's ordinal.</param>
    /// <param name="type">What <c>number</c> is in the source.</param>
    /// <param name="follows">Whether each of its kernels waits by itself for the one in front: begins with <c>follow()</c>.</param>
    /// <param name="definitions">Further macros.</param>
    /// <exception cref="LocalBloomException">The source does not compile for the device.</exception>
    public CudaModule Compile(string file, int device, ScalarType type, bool follows, params IEnumerable<(string Name, int Value)> definitions) =>
        new(driver, device, Translate(file, device, type, definitions), follows && MayOverlap(device));

    /// <summary>Compiles a source for a device. Thread-safe.</summary>
    /// <inheritdoc cref="Compile"/>
    /// <returns>Machine code.</returns>
    public byte[] Translate(string file, int device, ScalarType type, params IEnumerable<(string Name, int Value)> definitions)
    {
        int number = type switch { ScalarType.Float32 => 0, ScalarType.Float16 => 1, _ => 2 };
        string[] options =
        [
            $"--gpu-architecture={driver.Architecture(device)}",
            "--std=c++17",
            $"--define-macro=NUMBER_TYPE={number}",
            .. definitions.Select(definition => $"--define-macro={definition.Name}={definition.Value}"),
        ];
        return nvrtc.Compile(Read(Common) + Read(file), file, options);
    }

    private static string Read(string name)
    {
        using var reader = new StreamReader(typeof(KernelCompiler).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
