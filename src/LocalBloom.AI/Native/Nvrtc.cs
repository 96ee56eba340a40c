using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace LocalBloom.AI.Native;

/// <summary>CUDA's run-time compiler. It comes with every CUDA torch. Named as in nvrtc.h; thread-safe.</summary>
/// <remarks>Source: NVRTC documentation, section "API Reference".</remarks>
internal sealed unsafe class Nvrtc
{
    private const int CompilationError = 6; // NVRTC_ERROR_COMPILATION

    private readonly delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int> _createProgram;
    private readonly delegate* unmanaged<nint*, int> _destroyProgram;
    private readonly delegate* unmanaged<nint, int, byte**, int> _compileProgram;
    private readonly delegate* unmanaged<nint, nuint*, int> _getProgramLogSize;
    private readonly delegate* unmanaged<nint, byte*, int> _getProgramLog;
    private readonly delegate* unmanaged<nint, nuint*, int> _getCubinSize;
    private readonly delegate* unmanaged<nint, byte*, int> _getCubin;

    private Nvrtc(nint library)
    {
        _createProgram = (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)NativeLibrary.GetExport(library, "nvrtcCreateProgram");
        _destroyProgram = (delegate* unmanaged<nint*, int>)NativeLibrary.GetExport(library, "nvrtcDestroyProgram");
        _compileProgram = (delegate* unmanaged<nint, int, byte**, int>)NativeLibrary.GetExport(library, "nvrtcCompileProgram");
        _getProgramLogSize = (delegate* unmanaged<nint, nuint*, int>)NativeLibrary.GetExport(library, "nvrtcGetProgramLogSize");
        _getProgramLog = (delegate* unmanaged<nint, byte*, int>)NativeLibrary.GetExport(library, "nvrtcGetProgramLog");
        _getCubinSize = (delegate* unmanaged<nint, nuint*, int>)NativeLibrary.GetExport(library, "nvrtcGetCUBINSize");
        _getCubin = (delegate* unmanaged<nint, byte*, int>)NativeLibrary.GetExport(library, "nvrtcGetCUBIN");
    }

    /// <summary>Opens the compiler.</summary>
    /// <param name="torchFolder">Where torch's libraries are: the compiler lies there, or in the packages beside.</param>
    /// <returns>Null where it is not found.</returns>
    public static Nvrtc? TryOpen(string torchFolder)
    {
        string[] names = OperatingSystem.IsWindows() ? ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"] : ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"];
        nint library = TorchLibraries.OpenBeside(torchFolder, names);
        return library == 0 ? null : new Nvrtc(library);
    }

    /// <summary>Compiles CUDA source to machine code for one architecture.</summary>
    /// <param name="source">The source; there is no include path.</param>
    /// <param name="name">The file name to show in diagnostics.</param>
    /// <param name="options">For example <c>--gpu-architecture=sm_90</c>.</param>
    /// <exception cref="LocalBloomException">The source does not compile; the message carries the compiler's log.</exception>
    public byte[] Compile(string source, string name, IReadOnlyList<string> options)
    {
        nint program;
        fixed (byte* text = Terminated(source), title = Terminated(name))
        {
            Check(_createProgram(&program, text, title, 0, null, null));
        }

        try
        {
            int status = Compile(program, options);
            if (status == CompilationError)
            {
                throw new LocalBloomException($"{name} does not compile with {string.Join(' ', options)}:{Environment.NewLine}{Log(program)}");
            }

            Check(status);
            nuint size;
            Check(_getCubinSize(program, &size));
            var cubin = new byte[size];
            fixed (byte* bytes = cubin)
            {
                Check(_getCubin(program, bytes));
            }

            return cubin;
        }
        finally
        {
            _ = _destroyProgram(&program);
        }
    }

    private int Compile(nint program, IReadOnlyList<string> options)
    {
        byte** list = stackalloc byte*[options.Count];
        for (int i = 0; i < options.Count; i++)
        {
            list[i] = (byte*)Marshal.StringToCoTaskMemUTF8(options[i]);
        }

        int status = _compileProgram(program, options.Count, list);
        for (int i = 0; i < options.Count; i++)
        {
            Marshal.FreeCoTaskMem((nint)list[i]);
        }

        return status;
    }

    private string Log(nint program)
    {
        nuint size;
        Check(_getProgramLogSize(program, &size));
        var log = new byte[size];
        fixed (byte* bytes = log)
        {
            Check(_getProgramLog(program, bytes));
        }

        return Encoding.UTF8.GetString(log).TrimEnd('\0');
    }

    private static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + '\0');

    private static void Check(int status, [CallerArgumentExpression(nameof(status))] string? call = null)
    {
        if (status != 0)
        {
            throw new NativeCallException("NVRTC", $"error {status}", call);
        }
    }
}
