using System.Diagnostics;
using System.Runtime.InteropServices;

namespace LocalBloom.AI.Native;

/// <summary>Finds and loads the native part of torch, before TorchSharp tries to, so that a failure says what to do.</summary>
internal static class TorchLibraries
{
    private const string Variable = "LOCALBLOOM_LIBTORCH";

    // Each library needs those before it; the CUDA ones are absent from a CPU build.
    private static readonly string[] s_inLoadingOrder = ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"];

    /// <summary>Loads torch and TorchSharp's own library into the process. Loading again is free.</summary>
    /// <param name="libTorchPath">The <c>torch/lib</c> of an installed PyTorch; null for the variable LOCALBLOOM_LIBTORCH, or else the native package.</param>
    /// <returns>The folder, and handles of <c>torch_cpu</c> and, where there is one, <c>torch_cuda</c> (else 0).</returns>
    /// <exception cref="NativeBackendException">A library is missing or does not load.</exception>
    public static (string Folder, nint TorchCpu, nint TorchCuda) Load(string? libTorchPath)
    {
        string folder = FindTorch(libTorchPath);
        RefuseSecond(folder);
        var handles = new Dictionary<string, nint>();
        foreach (string name in s_inLoadingOrder)
        {
            string path = Path.Combine(folder, FileName(name));
            if (File.Exists(path))
            {
                handles[name] = LoadLibrary(path);
            }
        }

        if (Find(SearchFolders(), FileName("LibTorchSharp")) is not { } torchSharp)
        {
            throw new NativeBackendException(
                $"{FileName("LibTorchSharp")}, a part of the package TorchSharp, is not beside the application. " +
                "Publish the application for this platform (linux-x64, win-x64 or osx-arm64).");
        }

        LoadLibrary(Path.Combine(torchSharp, FileName("LibTorchSharp")));
        return (folder, handles["torch_cpu"], handles.GetValueOrDefault("torch_cuda"));
    }

    /// <summary>Says what to do about a library that the system's loader refused.</summary>
    internal static string Explain(string path, string error) =>
        error.Contains("GLIBCXX", StringComparison.Ordinal) || error.Contains("libstdc++", StringComparison.Ordinal)
            ? "This system's libstdc++ is older than torch needs (GLIBCXX_3.4.32): use Debian 13, Ubuntu 24.04 or newer, or, on Debian 12, " +
              "add the suite trixie at a low pin priority and run: apt-get install -t trixie libstdc++6"
            : $"{path} does not load: {error.ReplaceLineEndings(" ").Trim()}";

    private static string FindTorch(string? libTorchPath)
    {
        string? named = libTorchPath ?? Environment.GetEnvironmentVariable(Variable);
        string library = FileName("torch_cpu");
        if (!string.IsNullOrEmpty(named))
        {
            return File.Exists(Path.Combine(named, library))
                ? named
                : throw new NativeBackendException(
                    $"{(libTorchPath is null ? $"The variable {Variable}" : nameof(BloomChatClientOptions.LibTorchPath))} names {named}, where there is no " +
                    $"{library}. It must be the folder torch/lib of a PyTorch 2.10 or newer, as printed by: " +
                    "python3 -c \"import os, torch; print(os.path.join(os.path.dirname(torch.__file__), 'lib'))\"");
        }

        return Find(SearchFolders(), library) ?? throw new NativeBackendException(
            "The native part of torch is not beside the application. Add the package TorchSharp-cpu (or TorchSharp-cuda-linux, " +
            $"TorchSharp-cuda-windows) to the application's project, or name the folder torch/lib of an installed PyTorch in {Variable}.");
    }

    // Two copies of libtorch in one process register everything twice, upon which it aborts.
    private static void RefuseSecond(string folder)
    {
        if (!File.Exists(Path.Combine(folder, FileName("c10"))))
        {
            return; // no libtorch: it will not load
        }

        using var process = Process.GetCurrentProcess();
        string library = FileName("torch_cpu");
        foreach (ProcessModule module in process.Modules)
        {
            string? loaded = Path.GetDirectoryName(module.FileName);
            if (Path.GetFileName(module.FileName) == library && Path.GetFullPath(folder) != loaded && Target(folder) != loaded)
            {
                throw new NativeBackendException(
                    $"This process already runs the torch of {loaded}; that of {folder} cannot be added. Give every engine of a process the same LibTorchPath.");
            }
        }

        string? Target(string path) => Path.GetDirectoryName(File.ResolveLinkTarget(Path.Combine(path, library), returnFinalTarget: true)?.FullName);
    }

    private static string? Find(IEnumerable<string> folders, string file) => folders.FirstOrDefault(folder => File.Exists(Path.Combine(folder, file)));

    private static IEnumerable<string> SearchFolders()
    {
        string native = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        string ownPlatform = Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");
        return [AppContext.BaseDirectory, ownPlatform, .. native.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)];
    }

    private static string FileName(string name) =>
        OperatingSystem.IsWindows() ? $"{name}.dll" :
        OperatingSystem.IsMacOS() ? $"lib{name}.dylib" :
        $"lib{name}.so";

    private static nint LoadLibrary(string path)
    {
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new NativeBackendException(Explain(path, e.Message), e);
        }
    }
}
